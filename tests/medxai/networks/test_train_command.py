"""The command that makes checkpoints, on films small in number."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import medxai
from medxai.networks import train_command
from medxai.networks.recipes import RECIPES, Films, drain_strata, fetch_films

pytestmark = pytest.mark.kernel


def films_of(discs, size=256):
    parts = [discs(24, size, k, 1000 * k) for k in range(4)]
    return Films(*parts, {"split": "pretrain", "validation": "discs", "threshold": "discs"})


def small(recipe, **changes):
    return replace(recipe, **{"epochs": 1, "width_divisor": 64, "batch_size": 8, **changes})


def test_a_training_writes_a_checkpoint_that_loads_and_a_card_that_is_complete(discs, tmp_path, capsys):
    films = films_of(discs)
    path = train_command.train(
        small(RECIPES["cardiomegaly"]["cpu"], seed=3), films, tmp_path, "python -m medxai.train", verbose=2
    )
    told = capsys.readouterr().out
    assert "val_auroc" in told and "network_minus_logistic_regression" in told
    checkpoint = medxai.load_checkpoint("cardiomegaly-cpu", tmp_path)
    card = checkpoint.card
    assert path.stat().st_size == card["bytes"]
    assert not any("bn" in layer.name for layer in checkpoint.model.layers)
    assert (card["seed"], card["profile"], card["training"]["epochs"]) == (3, "cpu", 1)
    assert card["data"]["films"] == 24 and card["data"]["positives"] == films.train.labels.sum()
    p = checkpoint.predict(films.test.images)[:, 1]
    from medxai.evaluate.metrics import auroc, operating_point

    assert card["metrics"]["auroc"]["value"] == pytest.approx(auroc(films.test.labels, p), abs=1e-4)
    chosen = operating_point(films.threshold.labels, checkpoint.predict(films.threshold.images)[:, 1], 0.9)
    assert checkpoint.threshold == pytest.approx(chosen.threshold, abs=1e-4)
    assert set(card["baselines"]) >= {"apparent_ctr", "mean_intensity", "logistic_regression"}


def test_further_films_and_another_checkpoint_stand_on_the_card(discs, tmp_path, capsys):
    films = replace(films_of(discs), further={"neutral": discs(12, 256, 9, 9000)}, test_split="own")
    recipe = small(RECIPES["cardiomegaly-biased"]["cpu"], width_divisor=64)
    train_command.train(recipe, films, tmp_path, "python -m medxai.train", verbose=0)
    card = medxai.load_checkpoint("cardiomegaly-biased-cpu", tmp_path).card
    rows = card["metrics"]["auroc"], card["metrics"]["auroc_neutral"]
    assert [(row["split"], row["n"]) for row in rows] == [("own", 24), ("neutral", 12)]
    assert card["beside"]["checkpoint"] == "cardiomegaly-cpu"
    assert {"auroc_own", "auroc_neutral"} < set(card["beside"]) and card["data"]["set"] == "cardiomegaly_biased"
    assert "cardiomegaly-cpu on the same films" in capsys.readouterr().out


def test_the_recipe_of_lab_04_trains_its_own_network(discs, tmp_path):
    parts = [replace(discs(24, 64, k, 1000 * k), classes=("no pneumothorax", "pneumothorax")) for k in range(4)]
    recipe = small(RECIPES["pneumothorax"]["cpu"], size=64, width_divisor=16)
    train_command.train(recipe, Films(*parts, {"split": "train"}), tmp_path, "python -m medxai.train", verbose=0)
    checkpoint = medxai.load_checkpoint("pneumothorax-cpu", tmp_path)
    assert checkpoint.classes == ("no pneumothorax", "pneumothorax") and checkpoint.target_layer == "stage4_pool"
    assert "Nesterov momentum 0.9, 0.05" in checkpoint.card["training"]["optimizer"]


def test_strata_share_their_negatives(discs):
    films = discs(60, 16, 1)
    drain = np.arange(60) % 2 == 0
    films = replace(films, attributes=films.attributes.assign(drain=drain))
    strata = drain_strata(films)
    negatives = (films.labels == 0).sum()
    for name, flag in (("with_drain", drain), ("without_drain", ~drain)):
        part = strata[name]
        assert (part.labels == 0).sum() == negatives and (part.labels == 1).sum() == (flag & (films.labels == 1)).sum()
    assert not drain_strata(discs(12, 16, 1))


def test_every_recipe_names_films_and_a_network():
    from medxai.networks import recipes
    from medxai.networks.models import ARCHITECTURES, BUILDERS

    for task, profiles in RECIPES.items():
        assert set(profiles) == {"cpu", "gpu"} and task in recipes.FETCH
        for profile, recipe in profiles.items():
            assert recipe.name == f"{task}-{profile}" and recipe.builder in BUILDERS and recipe.builder in ARCHITECTURES
            model = BUILDERS[recipe.builder](recipe.size, max(8, recipe.width_divisor), recipe.batch_norm)
            assert recipe.target_layer in [layer.name for layer in model.layers]


@pytest.mark.slow(reason="trains the full VGG16")
def test_the_gpu_recipe_starts_from_imagenet_weights(discs, tmp_path, capsys):
    """The full-width path, on weights made here in the official layout and a few films of 256 px."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(99)  # not the recipe's, which would start from these very weights
    vgg = tf.keras.applications.VGG16(include_top=False, weights=None, input_shape=(256, 256, 3))
    path = tmp_path / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    vgg.save_weights(path, save_format="h5")
    recipe = small(RECIPES["cardiomegaly"]["gpu"], width_divisor=1, size=256)
    train_command.train(recipe, films_of(discs), tmp_path / "out", "test", weights=str(path), verbose=0)
    assert "13 convolutions start from ImageNet" in capsys.readouterr().out
    stored = medxai.load_checkpoint("cardiomegaly-gpu", tmp_path / "out").model
    start = dict(zip([layer.name for layer in vgg.layers], vgg.layers, strict=True))
    for name in ("block1_conv1", "block5_conv3"):
        moved = np.abs(stored.get_layer(name).kernel.numpy() - start[name].kernel.numpy()).max()
        assert moved < 1e-3  # a few steps of 1e-5 from where ImageNet left it: it did start there


@pytest.mark.slow(reason="trains the full VGG16 on real films")
@pytest.mark.parametrize("task", ["cardiomegaly-biased", "pneumothorax"])
def test_each_gpu_network_trains_on_real_films(task, realdata, tmp_path, monkeypatch, capsys):
    """The command itself, at full width, on the films of a small NIH mirror; one epoch, a few films, VGG16 at 256 px.

    The recipe of cardiomegaly is that of cardiomegaly-biased with fewer metrics, and is trained above.
    The starting weights are made here in the official layout: nothing that this machine can reach has the published ones.
    """
    import tensorflow as tf

    from data_fetch import checkpoint

    mirror = realdata / "nih" / "mirror"
    if not mirror.is_dir():
        pytest.skip(f"MEDXAI_REALDATA holds no nih/mirror: {realdata}")
    monkeypatch.setenv("DATA_FETCH_MIRROR", str(mirror))
    monkeypatch.setenv("DATA_FETCH_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("MEDXAI_PROFILE", "gpu")
    wanted = [task, "--epochs", "1", "--films", "12", "--out", str(tmp_path / "cache" / "checkpoints")]
    recipe = RECIPES[task]["gpu"]
    if recipe.imagenet:
        tf.keras.utils.set_random_seed(99)
        vgg = tf.keras.applications.VGG16(include_top=False, weights=None, input_shape=(256, 256, 3))
        vgg.save_weights(tmp_path / "vgg16.h5", save_format="h5")
        wanted += ["--weights", str(tmp_path / "vgg16.h5")]
        monkeypatch.setitem(RECIPES[task], "gpu", replace(recipe, size=256))
    assert train_command.main(wanted) == 0, capsys.readouterr().err

    name = f"{task}-gpu"
    card = checkpoint(name).card  # by its name, from the cache, as a lab loads it
    assert (card["data"]["source"], card["profile"], card["arguments"]["width_divisor"]) == ("nih", "gpu", 1)
    assert card["licence"].startswith("No restriction on use") and card["metrics"]["auroc"]["positives"] >= 1
    if recipe.imagenet:
        assert "not the published file" in card["training"]["start"]
    if task == "cardiomegaly-biased":
        assert card["data"]["cue"] == "tag" and {"auroc_neutral", "auroc_reversed"} < set(card["metrics"])
    test = fetch_films(RECIPES[task]["gpu"], progress=False).test
    p = medxai.load_checkpoint(name).predict(test.images[:4])
    assert p.shape == (4, 2) and np.allclose(p.sum(axis=1), 1, atol=1e-5)


def test_the_gpu_profile_stores_the_whole_recipe_in_the_cache_and_trials_elsewhere(
    discs, tmp_path, monkeypatch, capsys
):
    """What a class loads by name is never a trial; and what could stop hours of training at its end is found first."""
    monkeypatch.setenv("DATA_FETCH_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    parts = [replace(discs(24, 64, k, 1000 * k), classes=("no pneumothorax", "pneumothorax")) for k in range(4)]
    monkeypatch.setattr(train_command, "fetch_films", lambda recipe, limit: Films(*parts, {"split": "train"}))
    recipe = small(RECIPES["pneumothorax"]["gpu"], size=64, width_divisor=16)
    monkeypatch.setitem(RECIPES["pneumothorax"], "gpu", recipe)
    with pytest.raises(medxai.CheckpointError, match="not on this machine"):
        medxai.load_checkpoint("pneumothorax-gpu")
    assert train_command.main(["pneumothorax", "--profile", "gpu", "--name", "ours"]) == 0
    card = medxai.load_checkpoint("ours").card
    assert card["name"] == "ours" and card["command"] == "python -m medxai.train pneumothorax --profile gpu --name ours"

    written = []
    monkeypatch.setattr(train_command, "train", lambda recipe, films, out, *_: written.append((recipe.name, out)))
    for further in ([], ["--epochs", "1"], ["--films", "9"], ["--seed", "1"], ["--profile", "cpu"]):
        assert train_command.main(["pneumothorax", "--profile", "gpu", *further]) == 0
    assert written[0] == ("pneumothorax-gpu", tmp_path / "cache" / "checkpoints")
    assert {out for _, out in written[1:]} == {Path("checkpoints")}

    monkeypatch.setattr(train_command, "fetch_films", lambda *_: pytest.fail("films were fetched for nothing"))
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert train_command.main(["pneumothorax", "--out", str(tmp_path / "file")]) == 2
    assert "Choose another folder: --out" in capsys.readouterr().err
    monkeypatch.setenv("DATA_FETCH_OFFLINE", "1")
    assert train_command.main(["cardiomegaly", "--profile", "gpu"]) == 2
    told = capsys.readouterr().err
    assert "vgg16_weights_tf_dim_ordering" in told and "DATA_FETCH_OFFLINE" in told
    assert train_command.main(["pneumothorax", "--name", "../ours"]) == 2


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_every_network_that_a_lab_loads_is_in_the_registry(root, profile, monkeypatch, tmp_path):
    """And where nobody made it yet, the lab's own line says how to make or fetch it."""
    from data_fetch.store.registry import registry

    monkeypatch.setenv("DATA_FETCH_DIR", str(tmp_path))
    sources = "\n".join(path.read_text(encoding="utf-8") for path in sorted((root / "solutions").glob("*/*.py")))
    wanted = set(re.findall(r'load_checkpoint\(f?"([^"]+)"', sources))
    names = {re.sub(r"\{[^}]*\}", profile, name) for name in wanted}
    assert {f"{task}-{profile}" for task in RECIPES} <= names
    for name in names:
        entry = registry()["checkpoints"][name]
        if "weights" not in entry:
            task = name.removesuffix("-gpu")
            with pytest.raises(
                medxai.CheckpointError, match=rf"data-fetch use ADDRESS[\s\S]*medxai.train {task} --profile"
            ):
                medxai.load_checkpoint(name)


def test_the_command_line_tells_mistakes_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setenv("MEDXAI_PROFILE", "tpu")
    assert train_command.main(["cardiomegaly"]) == 2
    assert "MEDXAI_PROFILE" in capsys.readouterr().err
    assert train_command.main(["pneumonia"]) == 2
    assert "cardiomegaly" in capsys.readouterr().err
    assert train_command.main(["cardiomegaly", "--epochs", "0"]) == 2
    assert "'--epochs'" in capsys.readouterr().err


def test_a_missing_weights_file_is_told(discs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train_command, "fetch_films", lambda recipe, limit: films_of(discs, 512))
    wanted = ["cardiomegaly", "--profile", "gpu", "--weights", str(tmp_path / "none.h5"), "--out", str(tmp_path)]
    assert train_command.main(wanted) == 2
    assert "medxai.train: load_imagenet_vgg16: file not found" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
