import { readdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

/** Which rotated files stay; 0: all of them. */
export interface Retention {
  /** Milliseconds. */
  readonly maxAge: number;
  readonly maxFiles: number;
}

interface Rotated {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly count: number;
}

/** Moves a file to `NAME-TIME.EXT`, as lumberjack does, and never over one that is there. */
export async function setAside(path: string): Promise<void> {
  const extension = extname(path);
  const base = join(dirname(path), basename(path, extension));
  const time = new Date().toISOString().replaceAll(':', '-').replace('Z', '');
  for (let count = 0; ; count++) {
    const target = `${base}-${time}${count === 0 ? '' : `.${count}`}${extension}`;
    try {
      await writeFile(target, '', { flag: 'wx', mode: 0o600 }); // Takes the name: rename(2) alone would replace a file.
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    }
    try {
      await rename(path, target);
    } catch (error) {
      await unlink(target);
      throw error;
    }
    return;
  }
}

/** Removes what is beyond `retention`. What cannot be removed stays: events go on being written. */
export async function removeOld(path: string, { maxAge, maxFiles }: Retention): Promise<void> {
  const rotated = (await readdir(dirname(path)).catch(() => []))
    .flatMap((name) => parse(name, path) ?? [])
    .sort((a, b) => b.time - a.time || b.count - a.count);
  for (const [index, { name, time }] of rotated.entries()) {
    const isOld = (maxFiles > 0 && index >= maxFiles) || (maxAge > 0 && Date.now() - time > maxAge);
    if (isOld) await rm(join(dirname(path), name)).catch(() => {});
  }
}

/** The whole name has to fit: somebody's `audit-2024-04-05T10-11-12.123-keep.log` is not ours. */
function parse(name: string, path: string): Rotated | undefined {
  const extension = extname(path);
  const prefix = `${basename(path, extension)}-`;
  if (!name.startsWith(prefix) || !name.endsWith(extension)) return undefined;
  const stamp = name.slice(prefix.length, name.length - extension.length);
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})(?:\.(\d+))?$/.exec(stamp);
  if (!match) return undefined;
  const time = Date.parse(`${match[1]}T${match[2]}:${match[3]}:${match[4]}Z`);
  return Number.isNaN(time) ? undefined : { name, time, count: Number(match[5] ?? 0) };
}
