"""The example model language-detector: correct on sentences that it has not seen, and strict about its requests."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from sagemaker_inference.errors import BaseInferenceToolkitError

from async_endpoint.packaging import build_archive

HELD_OUT = {
    "de": [
        "Am Wochenende wollen wir das Dach der Scheune reparieren.",
        "Hast du den Schlüssel auf dem Tisch gesehen?",
        "Im Herbst werden die Blätter der Bäume gelb und rot.",
        "Mein Großvater erzählte gern Geschichten aus seiner Jugend.",
        "Das Konzert beginnt erst um neun, also haben wir noch Zeit.",
        "Ohne Brille kann sie die kleine Schrift nicht lesen.",
        "Der Bäcker hat heute wegen eines Feiertags geschlossen.",
        "Wir treffen uns nach der Arbeit vor dem Rathaus.",
        "Leider wurde das Paket an die falsche Anschrift geliefert.",
        "Im Keller stehen noch zwei Kisten mit altem Spielzeug.",
    ],
    "en": [
        "We want to repair the roof of the barn this weekend.",
        "Have you seen the key that was lying on the table?",
        "In autumn the leaves of the trees turn yellow and red.",
        "My grandfather liked to tell stories about his youth.",
        "The concert starts at nine, so there is plenty of time.",
        "Without her glasses she cannot read the small print.",
        "The bakery is closed today because of a public holiday.",
        "Let us meet in front of the town hall after work.",
        "Unfortunately the parcel was delivered to the wrong address.",
        "Two boxes of old toys are still standing in the cellar.",
    ],
    "es": [
        "Este fin de semana queremos arreglar el tejado del granero.",
        "¿Has visto la llave que estaba sobre la mesa?",
        "En otoño las hojas de los árboles se vuelven amarillas y rojas.",
        "A mi abuelo le gustaba contar historias de su juventud.",
        "El concierto empieza a las nueve, así que todavía hay tiempo.",
        "Sin gafas no puede leer la letra pequeña.",
        "Hoy la panadería está cerrada porque es día de fiesta.",
        "Nos encontramos delante del ayuntamiento después del trabajo.",
        "Por desgracia, entregaron el paquete en una dirección equivocada.",
        "En el sótano quedan dos cajas con juguetes viejos.",
    ],
    "fr": [
        "Ce week-end, nous voulons réparer le toit de la grange.",
        "As-tu vu la clé qui était posée sur la table ?",
        "En automne, les feuilles des arbres deviennent jaunes et rouges.",
        "Mon grand-père aimait raconter des histoires de sa jeunesse.",
        "Le concert commence à neuf heures, nous avons donc le temps.",
        "Sans ses lunettes, elle ne peut pas lire les petits caractères.",
        "La boulangerie est fermée aujourd'hui à cause d'un jour férié.",
        "Retrouvons-nous devant la mairie après le travail.",
        "Malheureusement, le colis a été livré à la mauvaise adresse.",
        "Il reste deux caisses de vieux jouets dans la cave.",
    ],
    "it": [
        "Questo fine settimana vogliamo riparare il tetto del fienile.",
        "Hai visto la chiave che era sul tavolo?",
        "In autunno le foglie degli alberi diventano gialle e rosse.",
        "A mio nonno piaceva raccontare storie della sua giovinezza.",
        "Il concerto comincia alle nove, quindi abbiamo ancora tempo.",
        "Senza occhiali non riesce a leggere i caratteri piccoli.",
        "Oggi il panificio è chiuso per via di un giorno festivo.",
        "Vediamoci davanti al municipio dopo il lavoro.",
        "Purtroppo il pacco è stato consegnato all'indirizzo sbagliato.",
        "In cantina ci sono ancora due scatole di vecchi giocattoli.",
    ],
    "nl": [
        "Dit weekend willen we het dak van de schuur herstellen.",
        "Heb je de sleutel gezien die op tafel lag?",
        "In de herfst worden de bladeren van de bomen geel en rood.",
        "Mijn grootvader vertelde graag verhalen over zijn jeugd.",
        "Het concert begint pas om negen uur, dus we hebben nog tijd.",
        "Zonder bril kan zij de kleine letters niet lezen.",
        "De bakker is vandaag gesloten vanwege een feestdag.",
        "Laten we elkaar na het werk voor het stadhuis ontmoeten.",
        "Helaas werd het pakket op het verkeerde adres bezorgd.",
        "In de kelder staan nog twee dozen met oud speelgoed.",
    ],
}


@pytest.fixture(scope="module")
def detector(inference: Any, example: Path) -> Any:
    return inference.model_fn(str(example))


def refused(inference: Any, detector: Any, body: bytes | str, content_type: str | None) -> tuple[int, str]:
    with pytest.raises(BaseInferenceToolkitError) as caught:
        inference.predict_fn(inference.input_fn(body, content_type), detector)
    assert caught.value.message.endswith(".") and "\n" not in caught.value.message
    return caught.value.status_code, caught.value.message


@pytest.mark.parametrize("language", HELD_OUT)
def test_sentences_it_has_not_seen_are_assigned_to_their_language(inference: Any, detector: Any, language: str) -> None:
    detected = {sentence: inference.predict_fn(sentence, detector)["language"] for sentence in HELD_OUT[language]}
    assert detected == dict.fromkeys(HELD_OUT[language], language)


@pytest.mark.parametrize("language", HELD_OUT)
def test_no_tested_sentence_is_one_it_learnt_from(example: Path, language: str) -> None:
    learnt = (example / "sentences" / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    assert not set(learnt) & set(HELD_OUT[language])


def test_probabilities_are_ranked_cover_every_language_and_add_up_to_one(inference: Any, detector: Any) -> None:
    ranked = inference.predict_fn("een klein huis", detector)["languages"]
    probabilities = [item["probability"] for item in ranked]
    assert {item["language"] for item in ranked} == HELD_OUT.keys()
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1, abs=0.001)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"Guten Morgen, wie geht es dir?", "text/plain"),
        ("Guten Morgen, wie geht es dir?", "text/plain; charset=utf-8"),
        (b"Guten Morgen, wie geht es dir?", None),
        ('{"text": "Guten Morgen, wie geht es dir?"}', "application/json"),
    ],
)
def test_text_and_json_are_accepted(inference: Any, detector: Any, body: bytes | str, content_type: str | None) -> None:
    assert inference.predict_fn(inference.input_fn(body, content_type), detector)["language"] == "de"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "reason"),
    [
        (b"\xff\xfe", "text/plain", 400, "The request body is not UTF-8 text (invalid start byte at byte 0)"),
        (b"12 + 30 = 42", "text/plain", 400, "The text has no letters"),
        (b"", "text/plain", 400, "The text has no letters"),
        ("not JSON", "application/json", 400, "The request body is not JSON"),
        ('{"language": "de"}', "application/json", 400, 'The request has no string under "text"'),
        (b"\x89PNG", "image/png", 415, "Content type 'image/png' is not accepted"),
    ],
)
def test_a_bad_request_is_refused_with_its_status_and_reason(
    inference: Any, detector: Any, body: bytes | str, content_type: str, status: int, reason: str
) -> None:
    code, message = refused(inference, detector, body, content_type)
    assert code == status
    assert message.startswith(reason)


def test_the_corrupt_query_is_refused_and_every_other_one_is_answered(inference: Any, detector: Any, example: Path) -> None:
    types = {".json": "application/json", ".txt": "text/plain"}
    answers = {}
    for path in sorted((example / "queries").iterdir()):
        if path.stem == "corrupt":
            assert refused(inference, detector, path.read_bytes(), types[path.suffix])[0] == 400
        else:
            text = inference.input_fn(path.read_bytes(), types[path.suffix])
            answers[path.name] = inference.predict_fn(text, detector)["language"]
    assert answers == {"dinner.txt": "fr", "potatoes.json": "en", "soup.txt": "de"}


def test_answers_are_json(inference: Any, detector: Any) -> None:
    body, content_type = inference.output_fn(inference.predict_fn("Guten Morgen", detector), "*/*")
    assert content_type == "application/json"
    assert json.loads(body)["languages"]


def test_only_the_model_is_packaged(example: Path, tmp_path: Path) -> None:
    with tarfile.open(build_archive(example, tmp_path / "model.tar.gz").path) as archive:
        names = {name for name in archive.getnames() if "." in Path(name).name}
    assert names == {"code/inference.py", "code/language_profiles.py", *(f"sentences/{language}.txt" for language in HELD_OUT)}
