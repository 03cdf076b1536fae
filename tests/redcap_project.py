"""A SYNTHETIC REDCap project of two events with repeating visits: its dictionary and its raw export, from a seed."""

from __future__ import annotations

import csv
import random
from datetime import date, timedelta
from pathlib import Path

WEB = (
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label", "Choices, Calculations, OR Slider Labels",
    "Field Note", "Text Validation Type OR Show Slider Number", "Text Validation Min", "Text Validation Max", "Identifier?",
    "Branching Logic (Show field only if...)", "Required Field?", "Custom Alignment", "Question Number (surveys only)",
    "Matrix Group Name", "Matrix Ranking?", "Field Annotation",
)  # fmt: skip
API = (
    "field_name", "form_name", "section_header", "field_type", "field_label", "select_choices_or_calculations", "field_note",
    "text_validation_type_or_show_slider_number", "text_validation_min", "text_validation_max", "identifier", "branching_logic",
    "required_field", "custom_alignment", "question_number", "matrix_group_name", "matrix_ranking", "field_annotation",
)  # fmt: skip
FIELDS = [
    ("record_id", "baseline", "text", "Record ID", "", "", "", "", "", "", ""),
    ("surname", "baseline", "text", "Surname", "", "", "", "", "y", "", ""),
    ("email", "baseline", "text", "E-mail", "", "email", "", "", "", "", ""),
    ("admitted", "baseline", "text", "<b>Date of admission</b>", "", "date_dmy", "", "", "", "", "y"),
    ("age", "baseline", "text", "Age, years", "", "integer", "18", "110", "", "", "y"),
    ("sex", "baseline", "radio", "Sex", "1, Male | 2, Female | 9, Unknown", "", "", "", "", "", "y"),
    ("diabetes", "baseline", "yesno", "Diabetes", "", "", "", "", "", "", ""),
    ("insulin", "baseline", "yesno", "Insulin", "", "", "", "", "", "[diabetes] = '1'", ""),
    ("history", "baseline", "checkbox", "History", "1, Stroke | 2, Heart attack | -99, Unknown", "", "", "", "", "", ""),
    ("stroke_year", "baseline", "text", "Year of stroke", "", "integer", "1950", "2030", "", "[history(1)] = '1'", ""),
    ("arm", "baseline", "radio", "Treatment", "A, Usual care | B, New care, with a comma", "", "", "", "", "", "y"),
    ("sbp", "baseline", "text", "Systolic pressure", "", "number", "60", "260", "", "", ""),
    ("comment", "baseline", "notes", "Comment", "", "", "", "", "", "", ""),
    ("seen", "visit", "text", "Day of visit", "", "date_ymd", "", "", "", "", ""),
    ("weight", "visit", "text", "Weight", "", "number_1dp", "30", "250", "", "", ""),
    ("died", "follow_up", "yesno", "Died within 90 days", "", "", "", "", "", "", "y"),
    ("mrs", "follow_up", "dropdown", "mRS", "0, None | 1, Not significant | 2, Slight | 3, Moderate | 6, Dead", "", "", "", "",
     "[died] = '0'", ""),
]  # fmt: skip
ROWS = (
    "record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance", "redcap_data_access_group", "surname",
    "email", "admitted", "age", "sex", "diabetes", "insulin", "history___1", "history___2", "history____99", "stroke_year", "arm",
    "sbp", "comment", "baseline_complete", "seen", "weight", "visit_complete", "died", "mrs", "follow_up_complete",
)  # fmt: skip


def write_dictionary(path: Path, dialect: tuple[str, ...] = WEB) -> Path:
    """Write the data dictionary, as the web page or as the API does."""
    with path.open("w", newline="", encoding="utf-8-sig" if dialect == WEB else "utf-8") as file:
        out = csv.writer(file)
        out.writerow(dialect)
        for name, form, kind, label, choices, validation, low, high, identifier, logic, required in FIELDS:
            out.writerow([name, form, "", kind, label, choices, "", validation, low, high, identifier, logic, required, *[""] * 5])
    return path


def patients(n: int = 60, seed: int = 7) -> list[dict[str, object]]:
    """Return what is true of each patient, before it is spread over events and instances."""
    draw = random.Random(seed)
    found: list[dict[str, object]] = []
    for k in range(n):
        diabetes, stroke, died = draw.random() < 0.3, draw.random() < 0.2, draw.random() < 0.15
        visits = [(date(2021, 1, 1) + timedelta(k * 3 + 30 * v), round(draw.gauss(80, 12), 1)) for v in range(draw.randrange(4))]
        found.append({
            "record_id": str(k + 1), "site": f"hospital_{'abc'[k % 3]}", "admitted": date(2021, 1, 1) + timedelta(k * 3),
            "age": draw.randrange(20, 95), "sex": draw.choice("12"), "diabetes": diabetes, "insulin": diabetes and draw.random() < 0.5,
            "stroke": stroke, "heart": draw.random() < 0.2, "year": draw.randrange(1990, 2020), "arm": draw.choice("AB"),
            "sbp": draw.randrange(100, 200), "visits": visits, "died": died, "mrs": draw.choice("0123"),
        })  # fmt: skip
    return found


def write_export(path: Path, found: list[dict[str, object]]) -> Path:
    """Write the raw export: a row for the baseline, one for each visit, and one for the follow-up."""
    lines = []
    for p in found:
        base = dict.fromkeys(ROWS, "") | {"record_id": p["record_id"], "redcap_data_access_group": p["site"]}
        lines.append(base | {
            "redcap_event_name": "baseline_arm_1", "surname": f"Secret{p['record_id']}", "email": f"x{p['record_id']}@example.org",
            "admitted": p["admitted"], "age": p["age"], "sex": p["sex"], "diabetes": int(p["diabetes"]),
            "insulin": int(p["insulin"]) if p["diabetes"] else "", "history___1": int(p["stroke"]), "history___2": int(p["heart"]),
            "history____99": 0, "stroke_year": p["year"] if p["stroke"] else "", "arm": p["arm"], "sbp": p["sbp"],
            "comment": "a private remark", "baseline_complete": 2,
        })  # fmt: skip
        for number, (day, weight) in enumerate(p["visits"], 1):
            lines.append(base | {
                "redcap_event_name": "baseline_arm_1", "redcap_repeat_instrument": "visit", "redcap_repeat_instance": number,
                "seen": day, "weight": weight, "visit_complete": 2,
            })  # fmt: skip
        lines.append(base | {
            "redcap_event_name": "month_3_arm_1", "died": int(p["died"]), "mrs": "" if p["died"] else p["mrs"], "sbp": p["sbp"] - 5,
            "follow_up_complete": 2,
        })  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, ROWS)
        out.writeheader()
        out.writerows(lines)
    return path
