"""Small numbers for every image type whose own defaults do not go together once they are small.

Detectors and segmenters have a backbone of another type; its widths are those that the rest takes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.material.tiny_configs import SIDE

Settings = Mapping[str, Any]

FOUR = {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 40, 64]}
STAGES = {"out_features": ["stage1", "stage2", "stage3", "stage4"]}
LAST_THREE = {"out_features": ["stage2", "stage3", "stage4"]}
HGNET = {
    "embedding_size": 16,
    "hidden_sizes": [16, 32, 48, 64],
    "depths": [1, 1, 1, 1],
    "stage_in_channels": [16, 16, 32, 48],
    "stage_mid_channels": [8, 8, 8, 8],
    "stage_numb_of_layers": [1, 1, 1, 1],
    "stage_num_blocks": [1, 1, 1, 1],
    "stage_out_channels": [16, 32, 48, 64],
    "stem_channels": [3, 8, 16],
}
RESNET = {"model_type": "resnet", "embedding_size": 16, "layer_type": "basic"} | FOUR
RT_RESNET = RESNET | {"model_type": "rt_detr_resnet"} | LAST_THREE
SWIN = {"embed_dim": 16, "depths": [1, 1], "num_heads": [1, 2], "window_size": 4}
SWIN_STAGES = {"model_type": "swin", "image_size": SIDE, "embed_dim": 16, "depths": [1, 1, 1, 1]}
SWIN_STAGES |= {"num_heads": [1, 2, 4, 8], "window_size": 2} | STAGES
DETR = {"backbone_config": RESNET | LAST_THREE, "num_queries": 5}
HYBRID = {
    "anchor_image_size": None,
    "d_model": 32,
    "decoder_in_channels": [32, 32, 32],
    "decoder_layers": 2,
    "encoder_hidden_dim": 32,
    "encoder_in_channels": [32, 48, 64],
    "num_denoising": 0,
    "num_queries": 5,
}
"""RT-DETR and its successors: an encoder over three maps of features."""
HYBRID_HGNET = HYBRID | {"backbone_config": HGNET | {"model_type": "hgnet_v2"} | LAST_THREE}
HYBRID_RESNET = HYBRID | {"backbone_config": RT_RESNET}
GROUPED = {
    "d_model": 32,
    "decoder_cross_attention_heads": 4,
    "decoder_layers": 2,
    "decoder_self_attention_heads": 2,
    "group_detr": 2,
    "num_queries": 5,
}
HIERA = {
    "hidden_size": 16,
    "image_size": [SIDE, SIDE],
    "blocks_per_stage": [1, 1, 2, 1],
    "embed_dim_per_stage": [16, 32, 48, 64],
    "num_attention_heads_per_stage": [1, 2, 4, 8],
    "window_size_per_stage": [4, 2, 2, 2],
    "global_attention_blocks": [3],
}
SAM2_VISION = {
    "backbone_config": HIERA | {"model_type": "sam2_hiera_det_model"},
    "backbone_channel_list": [64, 48, 32, 16],
    "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
    "fpn_hidden_size": 32,
}
SAM3_VISION = {
    "backbone_config": {
        "model_type": "sam3_vit_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 56,
        "pretrain_image_size": 28,
        "window_size": 2,
        "global_attn_indexes": [1],
    },
    "fpn_hidden_size": 32,
    "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
}
PROMPTS = {"hidden_size": 32, "image_size": SIDE, "patch_size": 16, "image_embedding_size": SIDE // 16}
MASKS = {"hidden_size": 32, "mlp_dim": 64, "num_attention_heads": 2, "num_hidden_layers": 1, "iou_head_hidden_dim": 32}
SAM_VISION = {
    "hidden_size": 32,
    "output_channels": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "window_size": 2,
    "global_attn_indexes": [1],
    "mlp_dim": 64,
    "num_pos_feats": 16,
}
SAM = {"vision_config": SAM_VISION, "prompt_encoder_config": PROMPTS, "mask_decoder_config": MASKS | {"vit_dim": 32}}
LCNET_V4 = {
    "model_type": "pp_lcnet_v4",
    "stem_channels": [3, 8, 16],
    "block_configs": [
        [[3, 16, 16, 1, False]],
        [[3, 16, 32, 2, False]],
        [[3, 32, 48, 2, False]],
        [[3, 48, 64, 2, False]],
    ],
} | STAGES
CONV = [1, 1, 0]
CHANGES: Mapping[str, Settings] = {
    "bit": {"embedding_size": 32, "hidden_sizes": [32, 64], "depths": [1, 1], "num_groups": 8},
    "conditional_detr": DETR,
    "cvt": {"embed_dim": [16, 32, 64], "num_heads": [1, 2, 4], "depth": [1, 2, 3]},
    "d_fine": HYBRID_HGNET,
    "dab-detr": DETR,
    "deformable_detr": DETR | {"num_feature_levels": 3},
    "deimv2": HYBRID_HGNET,
    "depth_pro": {
        "patch_size": 32,
        "scaled_images_ratios": [0.5, 1],
        "scaled_images_overlap_ratios": [0.0, 0.25],
        "scaled_images_feature_dims": [32, 32],
        "intermediate_hook_ids": [1, 0],
        "intermediate_feature_dims": [32, 32],
        "fusion_hidden_size": 32,
    }
    | {
        f"{part}_model_config": {
            "model_type": "dinov2",
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
        }
        for part in ("image", "patch", "fov")
    },
    "detr": DETR,
    "donut-swin": SWIN,
    "efficientloftr": {"hidden_size": 256},
    "efficientnet": {"hidden_dim": 128},
    "glpn": {"hidden_sizes": [16, 32, 40, 64]},
    "hgnet_v2": HGNET,
    "hiera": {"image_size": [SIDE, SIDE], "embed_dim": 16, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 4, 8]},
    "kosmos-2": {"text_config": {"embed_dim": 32, "layers": 1, "ffn_dim": 64, "attention_heads": 2, "vocab_size": 99}},
    "levit": {"hidden_sizes": [16, 32, 48], "num_attention_heads": [1, 2, 3], "depths": [1, 1, 1], "key_dim": [8] * 3},
    "lw_detr": GROUPED
    | {
        "backbone_config": {
            "model_type": "lw_detr_vit",
            "hidden_size": 32,
            "num_hidden_layers": 4,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "pretrain_image_size": SIDE,
            "num_windows": 4,
            "window_block_indices": [0, 2],
            "out_features": ["stage2", "stage4"],
        },
        "projector_scale_factors": [1.0],
    },
    "mask2former": {
        "backbone_config": SWIN_STAGES,
        "feature_size": 32,
        "mask_feature_size": 32,
        "hidden_dim": 32,
        "num_queries": 5,
        "decoder_layers": 2,
    },
    "maskformer": {
        "backbone_config": SWIN_STAGES,
        "decoder_config": {"model_type": "detr", "d_model": 32, "decoder_layers": 1, "decoder_attention_heads": 2}
        | {"encoder_layers": 1, "encoder_attention_heads": 2, "decoder_ffn_dim": 64, "num_queries": 5}
        | {"backbone_config": RESNET | LAST_THREE},
        "fpn_feature_size": 32,
        "mask_feature_size": 32,
    },
    "maskformer-swin": SWIN,
    "omdet-turbo": {"backbone_config": SWIN_STAGES | LAST_THREE, "encoder_in_channels": [32, 64, 128]},
    "perceiver": {"image_size": SIDE, "num_latents": 4, "d_latents": 32, "num_self_attends_per_block": 1},
    "pp_doclayout_v3": HYBRID_HGNET
    | {
        "x4_feat_dim": 16,
        "backbone_config": HGNET | {"model_type": "hgnet_v2"} | STAGES,
        "mask_feature_channels": [8] * 2,
    },
    "pp_doclayout_v4": HYBRID_HGNET | {"hidden_size": 32},
    "pp_ocrv5_server_rec": {"backbone_config": HGNET | {"model_type": "hgnet_v2"} | STAGES},
    "pp_ocrv6_medium_det": {
        "backbone_config": LCNET_V4,
        "neck_out_channels": 32,
        "kernel_list": [3, 2, 2],
        "scale_factor_list": [1, 2, 4, 8],
        "intraclass_block_config": {
            "reduce_channel": CONV,
            "return_channel": CONV,
            "vertical_long_to_small_conv_longratio": [[7, 1], [1, 1], [3, 0]],
            "vertical_long_to_small_conv_midratio": [[5, 1], [1, 1], [2, 0]],
            "vertical_long_to_small_conv_shortratio": [[3, 1], [1, 1], [1, 0]],
            "horizontal_small_to_long_conv_longratio": [[1, 7], [1, 1], [0, 3]],
            "horizontal_small_to_long_conv_midratio": [[1, 5], [1, 1], [0, 2]],
            "horizontal_small_to_long_conv_shortratio": [[1, 3], [1, 1], [0, 1]],
            "symmetric_conv_long_longratio": [[7, 7], [1, 1], [3, 3]],
            "symmetric_conv_long_midratio": [[5, 5], [1, 1], [2, 2]],
            "symmetric_conv_long_shortratio": [[3, 3], [1, 1], [1, 1]],
        },
    },
    "pp_ocrv6_small_det": {"backbone_config": LCNET_V4, "layer_list_out_channels": [16, 32, 48, 64]},
    "pvt": {"hidden_sizes": [16, 32, 40, 64]},
    "pvt_v2": {"hidden_sizes": [16, 32, 40, 64]},
    "rf_detr": GROUPED
    | {
        "backbone_config": {
            "model_type": "rf_detr_dinov2",
            "hidden_size": 32,
            "num_hidden_layers": 4,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "patch_size": 8,
            "num_windows": 2,
            "out_features": ["stage2", "stage4"],
        }
    },
    "rt_detr": HYBRID_RESNET,
    "rt_detr_v2": HYBRID_RESNET,
    "sam": SAM,
    "sam2": {"vision_config": SAM2_VISION, "prompt_encoder_config": PROMPTS, "mask_decoder_config": MASKS},
    "sam2_hiera_det_model": HIERA,
    "sam2_vision_model": SAM2_VISION,
    "sam3_tracker": {
        "vision_config": SAM3_VISION,
        "prompt_encoder_config": PROMPTS | {"image_size": 56, "patch_size": 14},
        "mask_decoder_config": MASKS,
    },
    "sam_hq": SAM,
    "swin": SWIN,
    "swin2sr": {"embed_dim": 12, "depths": [1, 1], "num_heads": [1, 2], "window_size": 4},
    "swinv2": SWIN,
    "table-transformer": DETR,
    "textnet": {"hidden_sizes": [64, 64, 128, 256, 512]},
    "uvdoc": {
        "backbone_config": {
            "model_type": "uvdoc_backbone",
            "out_features": [f"stage{stage}" for stage in range(1, 7)],
        }
    },
}
"""Settings beside the small ones, by type."""
SIDES: Mapping[str, int] = {"pp_ocrv5_mobile_rec": 96, "pp_ocrv5_server_rec": 96}
"""Pixels a side for types that take no smaller pictures than these."""
