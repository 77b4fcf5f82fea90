"""Distillation: a student is trained on labels and on the outputs of its teachers, which are cached."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

import numpy as np
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from torch import Tensor

from adapters.loop.environment import Environment, learner_notes
from adapters.loop.tasks.metrics import Logits
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import MultiLabel, Regression, SingleLabel, Task
from adapters.loop.techniques.probe import Extraction, read_cached
from adapters.loop.techniques.together import Together, array_of, part_of
from adapters.loop.training.flops import learning_flops, one_item, reading_flops
from adapters.loop.training.loop import Inputs
from adapters.loop.training.optimizers import freeze, parameter_groups
from registry.domain.recipes.methods import SOURCE, TEACHER
from registry.domain.recipes.params import number_of, value_of
from registry.errors import BadRecipeError
from registry.ports.transfers import Advanced, ModelInput, TransferEvent

ITEMS, TEACHER_OUTPUTS = "items", "teacher"


def distillation(env: Environment) -> Iterator[TransferEvent]:
    """The source is the student (its weights, or its architecture only); a teacher may have another architecture."""
    recipe, device = env.recipe, env.device
    (student,) = [source for source in env.job.sources if source.role == SOURCE]
    teachers = [source for source in env.job.sources if source.role == TEACHER]
    fresh = value_of(recipe, "student") == "fresh"
    roles, learner = env.open_source(student, keep_head=True, fresh=fresh)
    frozen = freeze(learner.layers, learner.head, recipe.freeze)
    groups = parameter_groups(learner.module, learner.layers, learner.head, recipe.optimizer)
    device.place(learner.module)
    yield env.started(learner.module, len(roles.train.rows))
    extraction = Extraction()
    teacher_outputs = np.zeros((len(roles.train.rows), roles.task.outputs), dtype=np.float32)
    for teacher in teachers:
        teacher_outputs += (yield from _outputs_of(env, teacher, roles.train, roles.task, extraction)) / len(teachers)
    items = {role.name: learner.items(role) for role in roles.chosen_on}
    train_items = Together({ITEMS: items["train"]}, {ITEMS: {TEACHER_OUTPUTS: teacher_outputs}})
    task, alpha, temperature = env.weighted(roles), number_of(recipe, "alpha"), number_of(recipe, "temperature")

    def objective(inputs: Inputs, targets: Tensor) -> Tensor:
        outputs = learner.predict(part_of(inputs, ITEMS, TEACHER_OUTPUTS))
        soft_targets = array_of(inputs, ITEMS, TEACHER_OUTPUTS)
        soft = soft_loss(task, outputs, soft_targets, temperature)
        return (1 - alpha) * task.loss(outputs, targets) + alpha * soft

    fit = env.fit(
        objective,
        learner.module,
        groups,
        train_items,
        roles.train.targets,
        selector=env.selector(learner.predict, learner.module, items["validation"], roles.validation, task)
        if roles.validation
        else None,
        frozen=frozen,
        settle=env.settling(learner, items["train"], roles.train.targets) if fresh else None,
    )
    yield from fit.run()
    roles.task.fold_scale(learner.last_linear())
    items |= {role.name: learner.items(role) for role in roles.tested}
    test = yield from env.measure_model(learner.predict, learner.module, items, roles, fit)
    one = one_item(items["train"], device)
    flops = extraction.flops + learning_flops(learner.predict, learner.module, one) * fit.progress.samples
    if roles.test is not None:
        flops += reading_flops(learner.predict, learner.module, one) * len(roles.test.rows)
    facts = {
        "teachers": [str(teacher.digest) for teacher in teachers],
        "teacher_answers_computed": extraction.items,
        "student_parameters": sum(p.numel() for p in learner.module.parameters()),
        "notes": extraction.notes,
    }
    yield env.finished_training(learner, roles, fit, test, flops, facts)


def _outputs_of(
    env: Environment, teacher: ModelInput, train: Role, task: Task, extraction: Extraction
) -> Generator[Advanced, None, Logits]:
    """The teacher's outputs for every training row (rows x outputs), in the class order and units of `task`."""
    names = env.framework.parent_classes(teacher)
    if task.classes and set(names or ()) != set(task.classes):
        raise BadRecipeError(
            f"The classes of the teacher {teacher.label} are not those of the data",
            remedy="Fine-tune the teacher on this data first, or use data with its classes",
            facts={"teacher": sorted(names or ()), "data": sorted(task.classes)},
        )
    own = replace(task, classes=names, weights=()) if isinstance(task, SingleLabel | MultiLabel) and names else task
    learner = env.framework.open(teacher, env.recipe, own, keep_head=True, fresh=False)
    if not learner.keeps_head:
        raise BadRecipeError(f"The teacher {teacher.label} has no head", remedy="Fine-tune it on this data first")
    learner.module.requires_grad_(False)
    env.device.place(learner.module)
    answers = yield from read_cached(
        env.job, learner, learner.predict, task.outputs, teacher, train, env.device, env.name, extraction
    )
    extraction.notes += [f"{teacher.label}: {note}" for note in learner_notes(learner)]
    if isinstance(task, Regression):
        return ((answers - task.mean) / task.deviation).astype(np.float32)
    return answers[:, [names.index(name) for name in task.classes]] if names else answers


def soft_loss(task: Task, outputs: Tensor, soft_targets: Tensor, temperature: float) -> Tensor:
    """The distance of the student's outputs from the teacher's, `soft_targets` (Hinton, Vinyals and Dean 2015).

    Single label: T² KL(teacher || student) of the softmax at temperature T. Multi-label: T² times the binary
    cross-entropy. Regression: the mean squared difference of standardised outputs.
    """
    if isinstance(task, Regression):
        return F.mse_loss(outputs, soft_targets)
    if isinstance(task, MultiLabel):
        probabilities = (soft_targets / temperature).sigmoid()
        return F.binary_cross_entropy_with_logits(outputs / temperature, probabilities) * temperature**2
    student = F.log_softmax(outputs / temperature, dim=1)
    teacher = F.log_softmax(soft_targets / temperature, dim=1)
    return F.kl_div(student, teacher, log_target=True, reduction="batchmean") * temperature**2
