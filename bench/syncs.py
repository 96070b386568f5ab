#!/usr/bin/env python3
"""What a sync of the log takes beside what a store writes in the background: bench/syncs.py [--rounds N] [--seconds S] [--dir DIR]

The log appends 64 KiB and syncs, some 200 times a second. Meanwhile files of 64 MiB are written, synced and deleted, at 100 or 30 MB/s: through the
page cache (as RocksDB does, which has the kernel begin to write after each MiB), through it and waiting for each MiB, past it (O_DIRECT), or past it
and then read ahead. The variants take turns. Nothing of Freshet runs: this is about the disk and its file system.
"""
import argparse
import ctypes
import mmap
import os
import shutil
import tempfile
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
MIB = 1 << 20
BLOCK = 64 << 10
FILE_MIB = 64
WAIT_BEFORE, WRITE = 1, 2  # of sync_file_range(2)
WAYS = {
    "through the page cache": {},
    "through it, waiting for each MiB": {"waiting": True},
    "past it": {"direct": True},
    "past it, read ahead afterwards": {"direct": True, "ahead": True},
}


def sync_range(file, begin, size, flags):
    LIBC.sync_file_range(file, ctypes.c_int64(begin), ctypes.c_int64(size), flags)


def log_syncs(directory, seconds):
    """Milliseconds that each append and sync took; the file is begun anew when it is full, as a write-ahead log is."""
    took, number, file, at = [], 0, -1, FILE_MIB * MIB
    end = time.monotonic() + seconds
    block = os.urandom(BLOCK)
    while time.monotonic() < end:
        if at + BLOCK > FILE_MIB * MIB:
            if file >= 0:
                os.close(file)
                os.unlink(os.path.join(directory, f"log{number - 1}"))
            file = os.open(os.path.join(directory, f"log{number}"), os.O_CREAT | os.O_WRONLY)
            LIBC.fallocate(file, 1, ctypes.c_int64(0), ctypes.c_int64(FILE_MIB * MIB))
            number, at = number + 1, 0
        begin = time.monotonic()
        os.write(file, block)
        os.fdatasync(file)
        took.append((time.monotonic() - begin) * 1000)
        at += BLOCK
        time.sleep(0.004)
    os.close(file)
    return sorted(took)


def write_files(directory, rate, stop, direct=False, waiting=False, ahead=False):
    piece = mmap.mmap(-1, MIB)  # O_DIRECT wants whole pages
    piece.write(os.urandom(MIB))
    number = 0
    while not stop.is_set():
        path = os.path.join(directory, f"file{number}")
        file = os.open(path, os.O_CREAT | os.O_WRONLY | (os.O_DIRECT if direct else 0))
        for index in range(FILE_MIB):
            if stop.is_set():
                break
            begin = time.monotonic()
            os.write(file, piece)
            if waiting:
                sync_range(file, 0, (index + 1) * MIB, WAIT_BEFORE | WRITE)
            elif not direct:
                sync_range(file, index * MIB, MIB, WRITE)
            time.sleep(max(0.0, 1 / rate - (time.monotonic() - begin)))
        os.fsync(file)
        os.close(file)
        if ahead:
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_WILLNEED)
            os.close(file)
        if number >= 2:
            os.unlink(os.path.join(directory, f"file{number - 2}"))
        number += 1


def measure(parent, seconds, rate=0, **way):
    directory = tempfile.mkdtemp(dir=parent)
    stop = threading.Event()
    writer = threading.Thread(target=write_files, args=(directory, rate, stop), kwargs=way) if rate else None
    try:
        if writer:
            writer.start()
        return log_syncs(directory, seconds)
    finally:
        stop.set()
        if writer:
            writer.join()
        shutil.rmtree(directory, ignore_errors=True)


def show(name, took):
    print(f"{name:48} p50 {took[len(took) // 2]:7.1f} ms   p99 {took[int(len(took) * 0.99)]:7.1f}   most {took[-1]:7.1f}   ({len(took)} syncs, load average "
          f"{os.getloadavg()[0]:.0f})", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--dir", default=".", help="on the disk in question; 300 MiB of room")
    arguments = parser.parse_args()
    for _ in range(arguments.rounds):
        show("nothing else writes", measure(arguments.dir, arguments.seconds))
        for rate in (100, 30):
            for name, way in WAYS.items():
                show(f"{rate} MB/s {name}", measure(arguments.dir, arguments.seconds, rate, **way))


if __name__ == "__main__":
    main()
