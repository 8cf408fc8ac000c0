import { setImmediate, setTimeout } from 'node:timers/promises';

const SECONDS = 60;
const LOOK = 20; // milliseconds

export interface Patience {
  /** How long it may take. */
  readonly seconds?: number;
  /** Milliseconds between two looks; 0: no pause, for what lasts an instant. */
  readonly every?: number;
  /** Why it will not come any more, if that is so. */
  readonly over?: () => string | undefined;
}

/**
 * Looks until there is something to see, for what nothing reports; gives what was seen.
 * @param what is awaited, for the message.
 * @param look undefined, false: not yet. What it throws is thrown.
 * @throws Error that says what never came.
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  { seconds = SECONDS, every = LOOK, over }: Patience = {},
): Promise<Exclude<T, undefined | false>> {
  for (const end = performance.now() + seconds * 1000; ; ) {
    const found = await look();
    if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>;
    const why = over?.();
    if (why !== undefined) throw new Error(`not to come any more: ${what}: ${why}`);
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await (every > 0 ? setTimeout(every) : setImmediate());
  }
}
