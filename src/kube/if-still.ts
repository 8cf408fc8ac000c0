import { isKube } from './errors.ts';

/** What is gone, or another by now, needs nothing any more: it is told of, and looked at again for that. */
export async function ifStill(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!isKube(error, 'notFound', 'conflict')) throw error;
  }
}
