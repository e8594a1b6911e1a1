"""Holds the plans' schema against documents of which the program itself has judged: SCHEMA CASES.

Each line of CASES is a document with what the schema must do with it: take it, refuse it, or either. The last are those that the program
refuses for reasons that a schema may not know; how many of them it does refuse is printed.
"""

import json
import sys

import jsonschema

schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)

wrong, counts = [], {"take": 0, "refuse": 0, "either": 0}
refused = 0
for line in open(sys.argv[2]):
    case = json.loads(line)
    error = next(iter(validator.iter_errors(case["document"])), None)
    counts[case["must"]] += 1
    if case["must"] == "take" and error:
        wrong.append(f"{case['name']}: refused: {error.message} at {error.json_path}")
    if case["must"] == "refuse" and not error:
        wrong.append(f"{case['name']}: taken")
    refused += case["must"] == "either" and error is not None

print("\n".join(wrong[:40]))
assert not wrong, f"{len(wrong)} documents are judged otherwise"
assert counts["take"] > 100 and counts["refuse"] > 30, counts
print(f"the schema agrees: {counts}; of those that the program refuses it refuses {refused}")
