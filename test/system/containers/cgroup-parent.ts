import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseCgroupMounts } from '../../../src/container/cgroup.ts';

let count = 0;

/** A new v2 cgroup for runtimes to put containers below; where it is disposed of, so is what they made of that name in v1. */
export class CgroupParent implements Disposable {
  /** As in `cgroupsPath`: below each hierarchy's root. */
  readonly name: string;
  /** Its v2 directory. */
  readonly path: string;
  readonly #mounts = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'));

  constructor() {
    this.name = `/syscribe-test-${process.pid}-c${count++}`;
    const mount = this.#mounts.find(({ version }) => version === 2);
    if (!mount) throw new Error('no cgroup v2 hierarchy is mounted');
    this.path = join(mount.path, this.name);
    mkdirSync(this.path);
  }

  [Symbol.dispose](): void {
    for (const { path } of this.#mounts) removeTree(join(path, this.name));
  }
}

function removeTree(path: string): void {
  let entries: string[];
  try {
    entries = readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
  } catch {
    return; // Not every hierarchy has it.
  }
  for (const entry of entries) removeTree(join(path, entry));
  rmdirSync(path);
}
