import { SyscribeError } from '../platform/errors.ts';
import { pause } from '../platform/wait.ts';

/** Between looks, milliseconds: what is waited for takes seconds, and happens once. */
const LOOK = 1000;

/**
 * Looks until nothing is left of what is waited for.
 * @returns what was left when time was over.
 */
export async function left(look: () => Promise<readonly string[]>, milliseconds: number): Promise<readonly string[]> {
  const end = Date.now() + milliseconds;
  for (;;) {
    const found = await look();
    if (found.length === 0 || Date.now() >= end) return found;
    await pause(LOOK);
  }
}

/** As {@link left}. @throws SyscribeError ERR_SETUP where something was left. */
export async function nothingLeft(
  what: string,
  remedy: string,
  look: () => Promise<readonly string[]>,
  milliseconds: number,
): Promise<void> {
  const found = await left(look, milliseconds);
  if (found.length === 0) return;
  const shown = found.slice(0, 10).join(', ') + (found.length > 10 ? ` and ${found.length - 10} others` : '');
  throw new SyscribeError('ERR_SETUP', `${what} after ${milliseconds / 1000} s: ${shown}`, { remedy });
}
