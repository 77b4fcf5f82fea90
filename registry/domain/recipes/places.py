"""Where each key of a recipe belongs, under our name and under those of other libraries, to suggest the right place.

Names of other libraries are those of Hugging Face's `TrainingArguments`, PEFT's `LoraConfig`, timm, Lightning and
scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from registry.domain.recipes.recipe import Freeze, Head, Optimizer, Recipe, Resources, Schedule

_PARTS = {"head": Head, "freeze": Freeze, "optimizer": Optimizer, "schedule": Schedule, "resources": Resources}
_OURS = {f.name: f"{part}.{f.name}" for part, kind in _PARTS.items() for f in fields(kind) if f.name != "name"}
_TOP = {f.name: f.name for f in fields(Recipe)}
_THEIRS: Mapping[str, tuple[str, ...]] = {
    "output": ("name", "output_name", "output_dir"),
    "source": ("model", "base_model", "parent", "pretrained", "model_name", "model_name_or_path"),
    "data": ("dataset", "datasets"),
    "data.train": ("train", "train_data", "train_dataset"),
    "epochs": ("num_train_epochs", "num_epochs", "n_epochs", "max_epochs"),
    "batch_size": ("per_device_train_batch_size", "train_batch_size", "batch", "bs"),
    "seed": ("random_seed", "random_state"),
    "metrics": ("metric", "eval_metric"),
    "max_length": ("max_seq_length", "max_len", "seq_length", "sequence_length"),
    "image_size": ("img_size", "input_size", "imgsz", "resolution"),
    "checkpoint_every": ("save_steps",),
    "licence": ("license",),
    "params": ("parameters", "hyperparameters"),
    "freeze": ("freeze_backbone", "frozen"),
    "head.hidden": ("hidden_size", "hidden_dim"),
    "optimizer": ("optim",),
    "optimizer.lr": ("learning_rate", "base_lr", "head_lr", "max_lr"),
    "optimizer.backbone_lr": ("encoder_lr", "lr_backbone"),
    "optimizer.layer_decay": ("llrd", "layerwise_lr_decay"),
    "optimizer.weight_decay": ("wd",),
    "optimizer.clip": ("max_grad_norm", "grad_clip", "clip_grad", "gradient_clip_val"),
    "schedule": ("scheduler", "lr_scheduler", "lr_scheduler_type"),
    "schedule.warmup": ("warmup_ratio", "warmup_proportion"),
    "resources.gpus": ("num_gpus", "n_gpus"),
    "resources.cpus": ("threads", "num_threads", "n_jobs"),
    "params.patience": ("early_stopping", "early_stopping_patience"),
    "params.rank": ("r", "lora_r", "lora_rank"),
    "params.alpha": ("lora_alpha",),
    "params.adapter_dropout": ("lora_dropout",),
    "params.targets": ("target_modules",),
    "params.dora": ("use_dora",),
    "params.rslora": ("use_rslora",),
    "params.mask": ("mlm_probability",),
    "params.precision": ("fp16", "bf16", "amp", "mixed_precision"),
    "params.class_weights": ("class_weight",),
    "params.mixup": ("mixup_alpha",),
    "params.shots": ("n_shots", "num_shots"),
}
PLACES: Mapping[str, str] = {
    **_OURS,
    **_TOP,
    **{name: place for place, names in _THEIRS.items() for name in names},
}
"""A key as people write it, and the dotted place of ours that it means."""
