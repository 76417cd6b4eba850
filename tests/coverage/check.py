"""Which branches of the files that recovery hangs on no test takes.

check.py <llvm-cov's LCOV export> <exceptions>: prints each branch of the files named in the
exceptions' first lines that was never taken and is no exception; 1 where there are any, or where an
exception has become untrue.

An exceptions file names the files, one `file PATH` a line; then exceptions, one a line:
`PATH | the line of code, without spaces around it | why no test takes a branch of it`.
"""

import pathlib
import sys


def read_rules(path):
    files, exceptions = [], {}
    for line in pathlib.Path(path).read_text().splitlines():
        if line.startswith("file "):
            files.append(line[5:].strip())
        elif line and not line.startswith("#"):
            name, code, why = (part.strip() for part in line.split(" | "))
            exceptions[name, code] = why
    return files, exceptions


def branches(lcov, files):
    """(file, line, which way) -> how often it was taken, over all instantiations."""
    taken, name = {}, None
    for line in pathlib.Path(lcov).read_text().splitlines():
        if line.startswith("SF:"):
            name = next((f for f in files if line.endswith("/" + f)), None)
        elif line.startswith("BRDA:") and name:
            at, block, branch, count = line[5:].split(",")
            key = name, int(at), block, branch
            taken[key] = taken.get(key, 0) + (0 if count == "-" else int(count))
    return taken


def main():
    files, exceptions = read_rules(sys.argv[2])
    taken = branches(sys.argv[1], files)
    texts = {f: pathlib.Path(f).read_text().splitlines() for f in files}
    missed, used = [], set()
    for (name, at, _, _), count in sorted(taken.items()):
        code = texts[name][at - 1].strip()
        if count == 0 and (name, code) in exceptions:
            used.add((name, code))
        elif count == 0:
            missed.append(f"{name}:{at}: {code}")
    for name in files:
        if not any(key[0] == name for key in taken):
            missed.append(f"{name}: no branches counted")
    for name, code in sorted(set(exceptions) - used):
        missed.append(f"{name}: an exception that is none: {code}")
    print("\n".join(missed))
    covered = sum(count != 0 for count in taken.values())
    print(f"{covered} of {len(taken)} branches taken, {len(used)} lines excepted")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
