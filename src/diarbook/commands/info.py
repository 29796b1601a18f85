"""``diarbook info``: what is installed, and what is in the cache."""

from __future__ import annotations

import json
import platform

import click

from diarbook.commands.common import examples
from diarbook.commands.terminal import quiet_option

PACKAGES = (
    "torch",
    "torchaudio",
    "onnxruntime",
    "pyannote.audio",
    "speechbrain",
    "librosa",
    "scikit-learn",
    "numpy",
    "scipy",
)


def describe() -> dict:
    """Versions, the cache folder, and each model and recording with its license and whether it is fetched."""
    from importlib.metadata import PackageNotFoundError, version

    from diarbook import __version__
    from diarbook.assets import cache_folder, is_fetched, models, recordings_registry, voices_registry

    def installed(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    def entries(registry) -> dict[str, dict]:
        return {
            name: {
                "title": entry["title"],
                "licence": entry["licence"],
                "origin": entry["origin"],
                "fetched": is_fetched(name),
            }
            for name, entry in registry.items()
        }

    return {
        "diarbook": __version__,
        "python": platform.python_version(),
        "packages": {name: installed(name) for name in PACKAGES},
        "cache": str(cache_folder()),
        "models": entries(models()),
        "recordings": entries(recordings_registry()),
        "voices": entries(voices_registry()),
    }


@click.command(
    "info",
    short_help="Show versions, the cache and the licenses of what is in it.",
    epilog=examples("diarbook info", "diarbook info --json | jq .models"),
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@quiet_option
def command(as_json: bool) -> None:
    """Show versions, the cache folder, and models and recordings with their licenses.

    Each is fetched, or missing, also when its bytes are not those of the registry.
    """
    described = describe()
    if as_json:
        click.echo(json.dumps(described, indent=1, ensure_ascii=False))
        return
    click.echo(f"diarbook {described['diarbook']}, Python {described['python']}")
    for name, version in described["packages"].items():
        click.echo(f"  {name:16} {version or 'not installed'}")
    click.echo(f"Cache: {described['cache']}")
    for kind in ("models", "recordings", "voices"):
        click.echo(f"{kind.capitalize()}:")
        for name, entry in described[kind].items():
            state = "fetched" if entry["fetched"] else "missing"
            click.echo(f"  {name:16} {state:8} {entry['title']}; {entry['licence']}; {entry['origin']}")
