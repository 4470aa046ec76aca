"""``offspec backup`` and ``offspec restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offspec.cli.common import JsonOption, Output, QuietOption, check_target, guarded


@guarded
def backup(
    out: Annotated[Path, typer.Option("--out", help="The tar file to write.")],
    data: Annotated[Path, typer.Option("--data", help="The server's folder.")] = Path(
        "offspec-data"
    ),
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Copy a server's database and images into one file, also while it works."""
    output = Output(json_file, quiet)
    check_target(out)
    from offspec.store.backup import back_up

    found = back_up(data, out)
    output.say(f"Wrote {out}: {found.blobs} images and bundles, {found.events} entries in the log.")
    output.write_json({"blobs": found.blobs, "events": found.events, "head": found.head})


@guarded
def restore(
    archive: Annotated[Path, typer.Argument(metavar="BACKUP")],
    data: Annotated[Path, typer.Option("--data", help="A new folder.")] = Path("offspec-data"),
    revoke_tokens: Annotated[
        bool, typer.Option("--revoke-tokens", help="End all tokens of machines.")
    ] = False,
    quiet: QuietOption = False,
    json_file: JsonOption = None,
) -> None:
    """Lay a backup out in a new folder; every hash and the audit log are checked."""
    output = Output(json_file, quiet)
    from offspec.store.backup import restore as lay_out

    found = lay_out(archive, data, revoke_tokens=revoke_tokens)
    output.say(f"Restored into {data}: {found.blobs} images and bundles, audit log whole.")
    if found.revoked:
        output.say(f"{_tokens(found.revoked)} revoked. Make new ones for the lines.")
    if found.tokens:
        output.say(
            f"{_tokens(found.tokens)} valid again, also if revoked since the backup. Revoke under "
            "Administration what should not be, or restore with --revoke-tokens."
        )
    output.write_json(
        {
            "blobs": found.blobs,
            "events": found.events,
            "head": found.head,
            "tokens": found.tokens,
            "tokens_revoked": found.revoked,
        }
    )


def _tokens(count: int) -> str:
    return "1 token is" if count == 1 else f"{count} tokens are"
