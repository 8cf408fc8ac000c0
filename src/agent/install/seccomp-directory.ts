import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { SyscribeError } from '../../platform/errors.ts';
import { writeFileAtomic } from '../../platform/files.ts';

/** A profile's name is that of an object: it leads nowhere else. */
const NAME = /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?\.json$/;
/** NAME_MAX of linux/limits.h. */
const LONGEST = 255;
/** What writeFileAtomic() leaves where the process is killed in the middle of it. */
const UNFINISHED = /^\.[-.a-z0-9]+\.[\w-]{12}$/;

/** `<kubelet>/seccomp/operator`: what pods name as Localhost profiles. SPO makes it a link to a directory of its own, which is followed. */
export class ProfileDirectory {
  readonly #directory: string;

  /** @param kubeletDirectory kubelet's `--root-dir`. */
  constructor(kubeletDirectory: string) {
    this.#directory = join(kubeletDirectory, 'seccomp', 'operator');
  }

  /**
   * Writes a file whole or not at all, unless it is that already, and reads it back.
   * @returns whether it was written.
   * @throws SyscribeError or an error of the file system.
   */
  write(name: string, text: string): boolean {
    const path = this.#path(name);
    this.#make();
    if (this.#read(path) === text) return false;
    // A link, to a device for example, would be followed.
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(path);
    writeFileAtomic(path, text);
    if (this.#read(path) !== text)
      throw new SyscribeError('ERR_FILE_WRITE', `${path} is not what was written`, {
        remedy: 'Look for whoever else writes there, and check the disk.',
      });
    return true;
  }

  /** @returns whether there was one. */
  remove(name: string): boolean {
    const path = this.#path(name);
    const there = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    if (there) unlinkSync(path);
    return there;
  }

  /** Without following a link. */
  stat(name: string): Stats | undefined {
    return lstatSync(this.#path(name), { throwIfNoEntry: false });
  }

  /** Removes what a process that was killed had begun to write. */
  sweep(): void {
    if (!statSync(this.#directory, { throwIfNoEntry: false })) return;
    for (const name of readdirSync(this.#directory))
      if (UNFINISHED.test(name)) rmSync(join(this.#directory, name), { force: true });
  }

  /** Removes all profiles, and the directory itself, or the link to it, where nothing else is left in it. */
  clear(): void {
    const stat = lstatSync(this.#directory, { throwIfNoEntry: false });
    if (!stat) return;
    if (statSync(this.#directory, { throwIfNoEntry: false }))
      for (const name of readdirSync(this.#directory))
        if (NAME.test(name) || UNFINISHED.test(name)) unlinkSync(join(this.#directory, name));
    if (stat.isSymbolicLink()) unlinkSync(this.#directory);
    else if (readdirSync(this.#directory).length === 0) rmdirSync(this.#directory);
  }

  #path(name: string): string {
    if (NAME.test(name) && name.length <= LONGEST) return join(this.#directory, name);
    const shown = JSON.stringify(name.slice(0, LONGEST));
    throw new SyscribeError('ERR_FILE_WRITE', `${shown} is no name of a profile's file`, {
      remedy: `Give the profile a name of lower-case letters, digits, - and . that is at most ${LONGEST - '.json'.length} long.`,
    });
  }

  #make(): void {
    if (statSync(this.#directory, { throwIfNoEntry: false })) return;
    if (lstatSync(this.#directory, { throwIfNoEntry: false }))
      throw new SyscribeError('ERR_FILE_WRITE', `${this.#directory} is a link to what is not there`, {
        remedy: 'Mount what it points to at the same path, or remove the link.',
      });
    // Not kubelet's own: where that is not there, it is another. Nor recursively: Node never comes back from that in /proc.
    const seccomp = join(this.#directory, '..');
    if (!statSync(seccomp, { throwIfNoEntry: false })) mkdirSync(seccomp, { mode: 0o755 });
    mkdirSync(this.#directory, { mode: 0o755 });
  }

  #read(path: string): string | undefined {
    if (!lstatSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
    return readFileSync(path, 'utf8');
  }
}

/** What went wrong with a file, in one line, with what to do. */
export function explainFailure(error: unknown): string {
  const { message, cause, remedy } = error as SyscribeError;
  const why = cause instanceof Error ? `${message}: ${cause.message}` : message;
  return `${why}. ${remedy ?? 'Mount kubelet’s directory for writing (--kubelet-dir).'}`;
}
