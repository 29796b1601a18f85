"""``diarbook fetch``: bring models and recordings into the cache."""

from __future__ import annotations

import click


@click.command("fetch", short_help="Bring models and recordings into the cache.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--quiet", "-q", is_flag=True, help="No progress bar and no summary.")
def command(names: tuple[str, ...], quiet: bool) -> None:
    """Bring models and recordings into the cache; all of them by default.

    What is there and intact stays. `diarbook info` lists the names. DIARBOOK_CACHE names another cache folder,
    DIARBOOK_MIRROR a folder with the packages' files, which is then the only source.
    """
    from tqdm import tqdm

    from diarbook.assets import cache_folder, fetch

    bar: tqdm | None = None
    shown: tuple[str, int] | None = None

    def progress(package: str, done: int, total: int) -> None:
        nonlocal bar, shown
        if shown != (package, total):
            if bar is not None:
                bar.close()
            # Without a terminal, None turns the bar off: a log wants no thousand lines.
            bar = tqdm(total=total, desc=package, unit="B", unit_scale=True, disable=True if quiet else None)
            shown = (package, total)
        bar.update(done - bar.n)

    try:
        paths = fetch(names, progress)
    finally:
        if bar is not None:
            bar.close()
    if not quiet:
        megabytes = sum(path.stat().st_size for path in paths) / 1e6
        click.echo(f"{len(paths)} files, {megabytes:.0f} MB, verified in {cache_folder()}", err=True)
