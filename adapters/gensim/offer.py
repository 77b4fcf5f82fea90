"""What this adapter offers, readable without importing its library."""

from __future__ import annotations

from adapters.loop.tasks.metrics import OFFERED
from registry.domain.catalog.models import Modality
from registry.domain.recipes.defaults import Defaults, Rates
from registry.domain.recipes.params import Param
from registry.domain.recipes.recipe import WHOLE_TEXT, Freeze, Method, Recipe, Schedule
from registry.ports.transfers import AdapterOffer

COVERAGE = frozenset({"oov_types", "oov_tokens"})
"""Shares of distinct words, and of all words, that the source's vectors lack: always measured."""
POOLING = {
    "pooling": Param(
        "sif",
        "what is averaged: `mean`, all words alike; `sif`, common words less and the common direction taken out",
        "SIF, a = 0.001: Arora, Liang and Ma 2017",
        ("sif", "mean"),
    )
}
WORD2VEC = {
    "algorithm": Param(
        "skip-gram", "what predicts what: `skip-gram` or `cbow`", "Mikolov and others 2013", ("skip-gram", "cbow")
    ),
    "window": Param(5, "words on either side that count as context", "word2vec", low=1, high=100),
    "negative": Param(5, "words drawn that are no context, for each that is", "word2vec", low=1, high=100),
    "sample": Param(1e-3, "share above which a word is passed over at times; 0: never", "word2vec", low=0, high=1),
    "min_count": Param(5, "times that a word comes in the corpus to get a vector", "word2vec", low=1),
    "vectors_lockf": Param(
        1.0, "share of each update that reaches a vector of the source: 0 keeps it, 1 lets it learn", low=0, high=1
    ),
    "vocabulary": Param(
        "data", "words that the output has: the corpus's, or `all` of the source's too", words=("data", "all")
    ),
}
BAG_TUNING = Defaults(
    # Averages of word vectors are small numbers, so the head needs a high rate. Measured on BBC News with GloVe 6B 50d
    # (20 a class, 512 words): 3e-2 is the best of 3e-3, 1e-2 and 3e-2 by far, frozen (.89) or trained (.93).
    rates={"adamw": Rates(3e-2, 0.01), "sgd": Rates(1e-1, 0.0)},
    epochs=20,
    batch_size=32,
    clip=1.0,
    schedule=Schedule("linear", 0.1),
    freeze=Freeze("none"),
)
WORD2VEC_TUNING = Defaults(
    # word2vec's own: rate 0.025 falling linearly to almost nothing, 5 epochs (Mikolov and others 2013; gensim's too).
    rates={"adamw": Rates(0.025, 0.0), "sgd": Rates(0.025, 0.0, momentum=0.0)},
    epochs=5,
    batch_size=32,
    clip=0.0,
    schedule=Schedule("linear", 0.0),
    freeze=Freeze("none"),
    optimizer="sgd",
)
OFFER = AdapterOffer(
    name="gensim",
    modalities=frozenset({Modality.TEXT}),
    methods=frozenset(
        {
            Method.PRETRAINING,
            Method.FEATURE_EXTRACTION,
            Method.FINE_TUNING,
            Method.EMBEDDING_INITIALISATION,
            Method.CONTINUED_PRETRAINING,
        }
    ),
    metrics=OFFERED | COVERAGE,
    params={Method.FEATURE_EXTRACTION: POOLING, Method.CONTINUED_PRETRAINING: WORD2VEC},
    defaults={
        Method.PRETRAINING: BAG_TUNING,
        Method.FINE_TUNING: BAG_TUNING,
        Method.EMBEDDING_INITIALISATION: BAG_TUNING,
        Method.CONTINUED_PRETRAINING: WORD2VEC_TUNING,
    },
    max_length=WHOLE_TEXT,  # an average of words costs hardly anything
    architectures=("static_embeddings", "static_classifier"),
)


def setting(recipe: Recipe, name: str) -> object:
    """The value of the parameter `name` in `recipe`, else its default. Raises: KeyError for one of another method."""
    return recipe.params[name] if name in recipe.params else OFFER.known(recipe.method)[name].default
