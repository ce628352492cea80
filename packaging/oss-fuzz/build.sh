#!/bin/bash -eu
# One fuzzer for each target of tests/fuzz, from one wrapper that is told by its own name which it is.
cd "$SRC/meterd"
pip3 install 'setuptools>=77' wheel 'Cython>=3.1'
pip3 install --no-build-isolation --editable '.[security,mqtt,metrics]'
for target in tests/fuzz/targets/[a-z]*.py; do
    name=$(basename "$target" .py)
    cp packaging/oss-fuzz/target.py "fuzz_$name.py"
    compile_python_fuzzer "fuzz_$name.py" --add-binary "$PWD/meterd:meterd" --hidden-import "tests.fuzz.targets.$name"
    seeds=$(mktemp -d)
    PYTHONPATH=$PWD python3 -c '
import sys
from pathlib import Path
from tests.fuzz.engine import corpus, load

name, folder = sys.argv[1], Path(sys.argv[2])
for at, seed in enumerate([*load(name).SEEDS, *corpus(name)]):
    (folder / str(at)).write_bytes(seed)' "$name" "$seeds"
    zip -jqr "$OUT/fuzz_${name}_seed_corpus.zip" "$seeds"
done
