"""Which branches of the files that recovery hangs on no test takes.

check.py <llvm-cov's JSON export> <exceptions>: prints each branch of the files named in the
exceptions' first lines that was never taken and is no exception; 1 where there are any, or where an
exception has become untrue.

An exceptions file names the files, one `file PATH` a line; then exceptions, one a line:
`PATH | line of code | condition: true | why nothing takes that way`, or `false`. The line is as it
stands, without spaces around it, and stands once in its file, so that an exception never hides
another branch.
"""

import collections
import json
import pathlib
import re
import sys

# A constant false outside the mutated core, so that no branch hangs on it; llvm-cov counts 0 and 0.
CONSTANT = re.compile(r"!?mutated\(Mutation::\w+\)")


def read_rules(path):
    files, exceptions = [], {}
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith("file "):
            files.append(line[5:].strip())
        elif line and not line.startswith("#"):
            name, code, way, why = (part.strip() for part in line.split(" | "))
            exceptions[name, code, way] = why
    return files, exceptions


def condition(lines, begin, end):
    """The text from one place to another, both (line, column) from 1; in one line."""
    (first, column), (last, behind) = begin, end
    if first == last:
        return lines[first - 1][column - 1:behind - 1]
    parts = [lines[first - 1][column - 1:], *lines[first:last - 1], lines[last - 1][:behind - 1]]
    return " ".join(part.strip() for part in parts)


def branches(export, texts):
    """(file, line, column, condition: way) -> how often taken, over all instantiations."""
    taken = collections.Counter()
    for file in json.loads(pathlib.Path(export).read_text())["data"][0]["files"]:
        name = next((f for f in texts if file["filename"].endswith("/" + f)), None)
        for line, column, last, behind, true, false, *_ in file["branches"] if name else []:
            what = condition(texts[name], (line, column), (last, behind))
            if CONSTANT.fullmatch(what):
                continue
            taken[name, line, column, what + ": true"] += true
            taken[name, line, column, what + ": false"] += false
    return taken


def main():
    files, exceptions = read_rules(sys.argv[2])
    texts = {f: pathlib.Path(f).read_text().splitlines() for f in files}
    taken = branches(sys.argv[1], texts)
    missed, used = [], set()
    for (name, line, _, way), count in sorted(taken.items()):
        code = texts[name][line - 1].strip()
        if count == 0 and (name, code, way) in exceptions:
            used.add((name, code, way))
        elif count == 0:
            missed.append(f"{name}:{line}: {code} | {way}")
    for name in files:
        if not any(key[0] == name for key in taken):
            missed.append(f"{name}: no branches counted")
    for name, code, way in sorted(exceptions):
        lines = [line.strip() for line in texts.get(name, [])].count(code)
        if lines != 1:
            missed.append(f"{name}: an exception whose line stands there {lines} times: {code}")
        elif (name, code, way) not in used:
            missed.append(f"{name}: an exception that is none: {code} | {way}")
    print(*missed, sep="\n", end="\n" if missed else "")
    covered = sum(count != 0 for count in taken.values())
    print(f"{covered} of {len(taken)} branches taken, {len(used)} excepted")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
