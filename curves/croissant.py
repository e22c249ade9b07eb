"""Describe the shipped data to machines: Croissant with its responsible-AI fields, from the datasheet and the files.

    python curves/croissant.py            # writes ttc_env/data/croissant.json

What is said of the data stands in `ttc_env/data/README.md` alone: paragraphs that begin with a word in bold, and the
tables of columns. The same files write the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout before any installed `ttc_env`

import ttc_env
from ttc_env.scripting.files import write_text

DATA = Path(ttc_env.__file__).parent / "data"
PARAGRAPHS = {  # of the datasheet, for each field of the responsible-AI vocabulary
    "rai:dataCollection": ("Who measured it", "Who measured them"),
    "rai:dataCollectionMissingData": ("What is missing",),
    "rai:dataPreprocessingProtocol": ("How the numbers got here",),
    "rai:dataUseCases": ("What for",),
    "rai:dataLimitations": ("What to keep in mind", "What not for"),
    "rai:dataBiases": ("Biases",),
    "rai:dataSocialImpact": ("Effects",),
    "rai:personalSensitiveInformation": ("Who is in it",),
    "rai:dataReleaseMaintenancePlan": ("Upkeep",),
}
FILES = {
    "llm_curves.csv": ("text/csv", "curves of published models"),
    "nano_curves.csv": ("text/csv", "curves of nano models"),
    "nano_curves.json": ("application/json", "how the nano curves were measured"),
    "nano_curves.npz": ("application/zip", "their bootstrap draws, and outcomes question by question; arrays of NumPy"),
    "population.npz": ("application/zip", "recorded play of the frozen population; arrays of NumPy"),
}
TEXTS = {"benchmark", "method", "model"}
KEY = ("benchmark", "method", "model", "theta")
# The context that the specification prescribes, as far as prefixes and types are not the terms' own names.
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
}
TERMS = (
    "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format",
    "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip


def plain(markdown: str) -> str:
    """A paragraph without marks and line ends."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return " ".join(re.sub(r"\*+\b|\b\*+|`", "", text).split())


def columns(page: str, file: str) -> dict[str, str]:
    """What each column of a table of curves means, by name: its section's word, or else that of one above."""
    end = page.index("\n## ", page.index(f"`{file}`\n"))
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| (.*) \|$", page[:end], re.MULTILINE)
    return {name: plain(meaning) for names, meaning in rows for name in re.findall(r"\w+", names)}


def record_set(file: str, meanings: dict[str, str]) -> dict[str, Any]:
    """The columns of a table; a `KeyError` names one that the page does not explain."""
    name = file.removesuffix(".csv")
    with open(DATA / file, newline="", encoding="utf-8") as lines:
        header = next(csv.reader(lines))
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{column}",
            "name": column,
            "description": meanings[column],
            "dataType": "sc:Text" if column in TEXTS else "sc:Float",
            "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
        }
        for column in header
    ]
    key = [{"@id": f"{name}/{column}"} for column in KEY]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "key": key, "field": fields}


def describe() -> dict[str, Any]:
    """The whole description, as JSON-LD; a `KeyError` names a paragraph or column that the page lacks."""
    page = (DATA / "README.md").read_text(encoding="utf-8")
    _, description, *paragraphs = page.split("\n\n")
    found = [re.match(r"\*\*([^*]+)\.\*\*\s(.*)", paragraph, re.DOTALL) for paragraph in paragraphs]
    said = {one[1]: plain(one[2]) for one in found if one}
    return {
        "@context": CONTEXT | {term: f"cr:{term}" for term in TERMS},
        "@type": "sc:Dataset",
        "name": "ttc_env-curves",
        "description": plain(description),
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "version": ttc_env.__version__,
        "license": ["https://spdx.org/licenses/CC-BY-4.0.html", "https://spdx.org/licenses/MIT.html"],
        "citeAs": said["How to cite"],
        "creator": {"@type": "sc:Organization", "name": "The ttc_env authors"},
        "keywords": ["language models", "test-time compute", "markets", "reinforcement learning"],
        "inLanguage": "en",
        "rai:dataCollectionType": ["Secondary Data analysis", "Experiments"],
        **{term: " ".join(f"{label}: {said[label]}" for label in labels) for term, labels in PARAGRAPHS.items()},
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": file,
                "name": file,
                "description": what,
                "contentUrl": file,
                "contentSize": f"{(DATA / file).stat().st_size} B",
                "encodingFormat": kind,
                "sha256": hashlib.sha256((DATA / file).read_bytes()).hexdigest(),
            }
            for file, (kind, what) in FILES.items()
        ],
        "recordSet": [record_set(file, columns(page, file)) for file in FILES if file.endswith(".csv")],
    }


def text() -> str:
    """The description as the bytes that are shipped."""
    return json.dumps(describe(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    write_text(DATA / "croissant.json", text())
    print(f"wrote {DATA / 'croissant.json'}")
