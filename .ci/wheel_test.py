"""Build the wheel, install it in a clean environment, and test it outside the checkout.

Usage: python .ci/wheel_test.py [--wheel FILE] [--constraints FILE] [--quick]
                                [pytest arguments]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (".cpp", ".hpp", ".h", "CMakeLists.txt")
#: What would let the tests find the checkout, or ask for files that are not there.
LEFT_OUT = {"PYTHONPATH", "MPSOLVE_REQUIRE_SHARED"}


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a command, and end with its exit code where it fails."""
    environment = {k: v for k, v in os.environ.items() if k not in LEFT_OUT}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def check_contents(wheel: Path) -> None:
    """Refuse a wheel without the compiled engine, or with its sources."""
    names = zipfile.ZipFile(wheel).namelist()
    sources = [
        n for n in names if n.startswith("mpsolve/_engine/") and n.endswith(SOURCES)
    ]
    if sources:
        sys.exit(f"{wheel.name} holds sources of the engine: {', '.join(sources)}")
    for needed in ("mpsolve/_engine/_native.", "mpsolve/py.typed"):
        if not any(name.startswith(needed) for name in names):
            sys.exit(f"{wheel.name} holds no {needed}*")
    if not any(name.endswith((".so", ".pyd")) for name in names):
        sys.exit(f"{wheel.name} holds no compiled module")


def main() -> None:
    """Build, install and test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheel", type=Path, help="test this wheel, build none")
    parser.add_argument("--constraints", type=Path, help="versions to install")
    quick = "run the package's doctests only"
    parser.add_argument("--quick", action="store_true", help=quick)
    options, pytest_arguments = parser.parse_known_args()

    with tempfile.TemporaryDirectory(prefix="mpsolve-wheel-") as name:
        folder = Path(name).resolve()
        print("==> creating a clean environment", flush=True)
        venv.create(folder / "venv", with_pip=True)
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        python = folder / "venv" / scripts / "python"
        pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check")

        wheel = options.wheel
        if wheel is None:
            print("==> building the wheel", flush=True)
            run(*pip, "wheel", "--no-deps", "--wheel-dir", folder / "dist", ROOT)
            (wheel,) = (folder / "dist").glob("mpsolve-*.whl")
        print(f"==> installing {wheel.name}", flush=True)
        check_contents(wheel)
        pins: tuple[str | Path, ...] = ()
        if options.constraints:
            pins = ("--constraint", options.constraints.resolve())
        run(*pip, "install", *pins, f"mpsolve[test] @ {wheel.resolve().as_uri()}")

        # Only the tests and what they read: mpsolve can come from the wheel alone.
        checkout = folder / "checkout"
        checkout.mkdir()
        shutil.copy(ROOT / "pyproject.toml", checkout)
        for path in ("README.md", "tests", "benchmarks", "docs", "notebooks"):
            if (ROOT / path).is_dir():
                shutil.copytree(ROOT / path, checkout / path)
            elif (ROOT / path).exists():
                shutil.copy(ROOT / path, checkout)
        where = "import mpsolve, mpsolve._engine._native as e; print(e.__file__)"
        run(python, "-c", where, cwd=checkout)
        run(python, ROOT / ".ci" / "smoke.py", cwd=checkout)
        print("==> testing the installed wheel", flush=True)
        chosen = ("-m", "not slow and not needs_shared")
        targets = ("--pyargs", "mpsolve", *(() if options.quick else ("tests",)))
        run(python, "-m", "pytest", *chosen, *pytest_arguments, *targets, cwd=checkout)


if __name__ == "__main__":
    main()
