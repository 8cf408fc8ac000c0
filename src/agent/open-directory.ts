import { chmodSync, statSync } from 'node:fs';

/** Read, write and enter, for the group. */
const GROUP = 0o070;

/**
 * Lets the group of a directory write there, if it is this process' own; another's is left as it is. SPO leaves its directory to its
 * own user, 65535, who alone may write there: an agent is root, but without CAP_DAC_OVERRIDE, and joins that user's group.
 * @returns whether anything was changed.
 */
export function openToGroup(directory: string): boolean {
  const stat = statSync(directory, { throwIfNoEntry: false });
  if (!stat?.isDirectory() || stat.uid !== process.getuid?.() || (stat.mode & GROUP) === GROUP) return false;
  chmodSync(directory, (stat.mode & 0o7777) | GROUP);
  return true;
}
