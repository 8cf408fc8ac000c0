import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ProfileDirectory } from './install/seccomp-directory.ts';

export interface Left {
  readonly kubeletDirectory: string;
  readonly stateDirectory: string;
  readonly pinDirectory: string;
}

/**
 * Takes away what agents have left on this node: profiles if so wanted, what was recorded, and what is pinned in the kernel.
 * @throws an error of the file system.
 */
export function cleanNode({ kubeletDirectory, stateDirectory, pinDirectory }: Left, what: 'all' | 'state'): void {
  for (const directory of [pinDirectory, stateDirectory]) empty(directory);
  if (what === 'all') new ProfileDirectory(kubeletDirectory).clear();
}

function empty(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
  removeDirectory(directory);
}

/** One that is mounted in the agent's pod stays, empty: it cannot be taken away from in there. */
function removeDirectory(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['EBUSY', 'ENOTEMPTY', 'ENOENT'].includes(code)) throw error;
  }
}
