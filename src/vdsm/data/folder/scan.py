"""What lies in a folder of videos: which files are clips, and which are passed over and why."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from vdsm.data.folder.item import Item, Passed
from vdsm.data.folder.strips import strips_in
from vdsm.data.folder.walk import file_key, folders_below
from vdsm.errors import InputError
from vdsm.video import VIDEO_SUFFIXES, natural_key
from vdsm.video.series import series_of
from vdsm.video.source import is_animated, is_picture_name
from vdsm.words import counted

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")  # of Hugging Face's folders
OF_SYSTEMS = ("thumbs.db", "desktop.ini")  # as good as hidden
Files = list[Path]


@dataclass(frozen=True)
class Reading:
    """How pictures are to be read."""

    series: str | None = None  # the one to take, such as img_*
    strips: bool | None = None  # None: where all pictures of a folder are long ones


@dataclass
class Scan:
    """What was found below a folder; items have no labels yet."""

    root: Path
    items: list[Item] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    tables: Files = field(default_factory=list)
    series: list[list[str]] = field(default_factory=list)  # of folders that hold several
    strips: int = 0  # recognized

    def said(self) -> list[str]:
        """What the user should know, a line for each kind."""
        lines = []
        if self.series:
            names = ", ".join(list(dict.fromkeys(n for names in self.series for n in names))[:6])
            hold = "folder holds" if len(self.series) == 1 else "folders hold"
            lines.append(
                f"{len(self.series):,} {hold} several series of pictures ({names}): each is a clip"
                f" of its own; to take one: --series '{self.series[0][0]}'"
            )
        if self.strips:
            are = "picture is a strip" if self.strips == 1 else "pictures are strips"
            lines.append(
                f"{self.strips:,} {are} of square frames side by side, each read as a clip"
                " (--strips false: as one frame)"
            )
        return lines

    def name(self, path: Path) -> str:
        return path.name if path == self.root else path.relative_to(self.root).as_posix()

    def add_file(self, path: Path, *, strip: bool = False) -> None:
        self.items.append(Item(path, self.name(path), strip=strip))

    def add_pictures(self, folder: Path, pictures: Files, reading: Reading) -> None:
        """The clips that still pictures of one folder are: strips, or series of frames."""
        strips = strips_in(pictures, reading.strips)
        for path in strips:
            self.add_file(path, strip=True)
        if reading.strips is None:
            self.strips += len(strips)
        if reading.strips or strips:
            rest = set(pictures) - set(strips)
            self.pass_over(sorted(rest), "no strip of square frames", "that are no strips")
            return
        series, rest_ = series_of(pictures, reading.series)
        for pattern, files in series.items():
            name = self.name(folder)
            if len(series) > 1:
                name = pattern if folder == self.root else f"{name}/{pattern}"
            self.items.append(Item(folder, name, pictures=tuple(file.name for file in files)))
        if len(series) > 1:
            self.series.append(list(series))
        why = f"not of --series {reading.series}" if reading.series else "has no number in its name"
        self.pass_over(rest_, f"a picture beside frames, {why}", "beside frames")

    def pass_over(self, files: Files, reason: str, kind: str) -> None:
        self.passed += [
            Passed(file, reason, f"{file.suffix.lower().removeprefix('.')} {kind}")
            for file in files
        ]

    def once(self) -> None:
        """Pass over files that are another under a second name: links, or spellings."""
        first: dict[object, Item] = {}
        for item in sorted(self.items, key=lambda item: item.path.is_symlink()):
            key = item.name if item.pictures else file_key(item.path)
            if first.setdefault(key, item) is not item:
                reason = f"the same file as {first[key].name}"
                self.passed.append(Passed(item.path, reason, "that are other files' second names"))
        kept = {id(item) for item in first.values()}
        self.items = [item for item in self.items if id(item) in kept]


def scan(root: Path, reading: Reading) -> Scan:
    """Everything below `root`, in natural order.

    A clip is a video, an animation or stack of pictures, a strip, and the still pictures of a
    folder if no video lies in it and no other clip below it. Links are followed, each folder read
    once; hidden files are passed over without a word.
    """
    if not root.is_dir():
        raise InputError(f"no folder {root}: name the folder that holds the videos")
    found = Scan(root)
    stills: dict[Path, Files] = {}
    beside: list[Path] = []  # pictures in folders with videos
    for folder, files in folders_below(root):
        videos = [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES]
        pictures = [file for file in files if is_picture_name(file)]
        moving = [file for file in pictures if is_animated(file)]
        still = sorted(set(pictures) - set(moving))
        for path in videos + moving:
            found.add_file(path)
        if videos and not reading.strips:
            beside += still
        elif still:
            stills[folder] = still
        _sort_out(found, set(files) - set(videos) - set(pictures))
    above = {parent for item in found.items for parent in item.path.parent.parents}
    above |= {parent for folder in stills for parent in folder.parents}
    for folder, pictures in stills.items():
        if folder in above and not reading.strips:
            beside += pictures
        else:
            found.add_pictures(folder, pictures, reading)
    found.pass_over(beside, "a picture beside videos", "beside videos")
    found.once()
    found.items.sort(key=lambda item: [natural_key(part) for part in item.name.split("/")])
    found.passed.sort(key=lambda passed: natural_key(str(passed.path)))
    return found


def _sort_out(found: Scan, files: set[Path]) -> None:
    """Files that hold no clip: tables of clips, and what is passed over."""
    for file in sorted(files):
        if file.name.lower() in METADATA:
            found.tables.append(file)
        elif file.name.lower() not in OF_SYSTEMS:
            found.passed.append(Passed(file, "neither a video nor a picture by its suffix"))


def one_clip(item: Item, reading: Reading) -> Item:
    """What a row of a table names: a file as it is, or the one clip of a folder of pictures."""
    if not item.path.is_dir():
        still = is_picture_name(item.path) and item.path.exists() and not is_animated(item.path)
        strip = bool(still and strips_in([item.path], reading.strips))
        return replace(item, strip=strip)
    here = [file for file in item.path.iterdir() if is_picture_name(file)]
    if not here:
        return item  # found broken later
    stills = [file for file in here if not is_animated(file)]
    found = Scan(item.path)
    if stills:
        found.add_pictures(item.path, stills, reading)
    if len(found.items) != 1 or found.items[0].strip:
        names = [clip.name for clip in found.items] + [f.name for f in here if f not in stills]
        raise InputError(
            f"{item.path} holds {counted(len(names), 'clip')} ({', '.join(sorted(names)[:4])}):"
            " name each in a row of its own, or choose one by --series"
        )
    return replace(item, pictures=found.items[0].pictures)
