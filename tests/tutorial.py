#!/usr/bin/env python3
"""Follows the tutorial of actors/README.md to the letter: writes the files that its code blocks name, compiles the
schemas, generates the traits, builds the kind and its test as the tree's own tests are built, and runs the test.
Usage: tutorial.py SOURCE_DIR BUILD_DIR"""

import pathlib
import re
import subprocess
import sys
import tempfile
import time

TEMPLATE = "tests/plant_test"  # any test of the actors layer: how it is compiled and linked is how ours is


def blocks(text):
    """{path: content} of the fenced blocks whose fence names a file, in order."""
    found = re.findall(r"^```\w+ (\S+)\n(.*?)^```$", text, re.M | re.S)
    if len(found) != len({path for path, _ in found}):
        sys.exit("tutorial: a file is named twice")
    return dict(found)


def run(command, **kw):
    done = subprocess.run(command, capture_output=True, text=True, **kw)
    if done.returncode:
        sys.exit(f"tutorial: {command if isinstance(command, str) else ' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    source, build = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
    files = blocks((source / "actors/README.md").read_text())
    registry = files.pop("actors/registry.cpp")
    schema = next(path for path in files if path.endswith(".fbs"))
    test = next(path for path in files if path.startswith("tests/"))
    if not re.fullmatch(r"  registry\.add\(make_kind<\w+>\(\)\);\n", registry) or "registry.add(make_kind<plant>());" not in (
        source / "actors/registry.cpp"
    ).read_text():
        sys.exit("tutorial: the line for actors/registry.cpp is not like the lines there")

    commands = run(["ninja", "-C", build, "-t", "commands", TEMPLATE]).splitlines()
    compile_line = next(c for c in commands if f"{source}/{TEMPLATE}.cpp" in c)
    link_line = next(c for c in commands if re.search(rf"-o {TEMPLATE}( |$)", c))

    with tempfile.TemporaryDirectory() as place:
        work = pathlib.Path(place)
        for path, content in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_text(content)
        began = time.monotonic()

        # 1. the schemas, with the new one among them
        (work / "schemas/common.fbs").symlink_to(source / "schemas/common.fbs")
        gen = work / "gen"
        (gen / pathlib.Path(schema).parent).mkdir(parents=True)
        run(["flatc", "--cpp", "--cpp-std", "c++11", "--gen-object-api", "--scoped-enums", "--no-warnings", "--keep-prefix",
             "-I", work, "-I", source, "-o", gen / pathlib.Path(schema).parent, work / schema])
        every = (build / "gen/all.fbs").read_text() + f'include "{schema}";\n'
        (gen / "all.fbs").write_text(every)
        run(["flatc", "--schema", "--binary", "--bfbs-comments", "--bfbs-builtins", "--no-warnings",
             "-I", work, "-I", source, "-o", gen, gen / "all.fbs"])
        run([build / "schemas/kindgen", gen / "all.bfbs", gen / "schemas", schema.removeprefix("schemas/")])
        run(["cmake", f"-DBFBS={gen}/all.bfbs", f"-DOUT={gen}/embedded_schema.S", "-P", source / "cmake/embed.cmake"])
        run(["cc", "-c", gen / "embedded_schema.S", "-o", gen / "schema.o"])

        # 2. the kind and its test, compiled as the tree's tests are
        objects = [str(gen / "schema.o")]
        for path in sorted(p for p in files if p.endswith(".cpp")):
            out = str(work / (pathlib.Path(path).stem + ".o"))
            line = re.sub(r" -MD -MT \S+ -MF \S+", "", compile_line)
            line = line.replace(f"{source}/{TEMPLATE}.cpp", str(work / path))
            line = re.sub(r" -o \S+", f" -o {out}", line).replace(f"-I{source}", f"-I{work} -I{source} -isystem {gen}")
            run(line, shell=True, cwd=build)
            objects.append(out)
        program = work / "tutorial_test"
        line = re.sub(r"\S+/plant_test\.cpp\.o", " ".join(objects), link_line).replace(f"-o {TEMPLATE}", f"-o {program}")
        run(line, shell=True, cwd=build)

        # 3. what the tutorial says comes out
        print(run([program]).strip())
        print(f"tutorial: {len(files)} files, {sum(c.count(chr(10)) for c in files.values())} lines, {test} passes,"
              f" built in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
