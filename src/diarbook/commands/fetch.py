"""``diarbook fetch``: bring models and recordings into the cache."""

from __future__ import annotations

import click

from diarbook.commands.common import examples
from diarbook.commands.terminal import downloads, quiet_option, say


@click.command(
    "fetch",
    short_help="Bring models and recordings into the cache.",
    epilog=examples("diarbook fetch", "diarbook fetch segmentation-3.0 campplus sample"),
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@quiet_option
def command(names: tuple[str, ...]) -> None:
    """Bring models and recordings into the cache; all of them by default.

    What is there and intact stays. `diarbook info` lists the names. DIARBOOK_CACHE names another cache folder,
    DIARBOOK_MIRROR a folder with the packages' files, which is then the only source.
    """
    from diarbook.assets import cache_folder, fetch

    with downloads() as advance:
        paths = fetch(names, advance)
    megabytes = sum(path.stat().st_size for path in paths) / 1e6
    say(f"{len(paths)} files, {megabytes:.0f} MB, verified in {cache_folder()}")
