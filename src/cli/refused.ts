import { SyscribeError } from '../platform/errors.ts';
import { EXIT } from './exit.ts';
import { complain } from './output.ts';

/** Does what may be refused, and gives the exit status; 1 where nothing was done, and why was told. */
export async function orRefused(work: () => Promise<void>): Promise<number> {
  try {
    await work();
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof SyscribeError) || error.code !== 'ERR_SETUP_REFUSED') throw error;
    complain(`nothing was done: ${error.message}`);
    complain(`  remedy: ${error.remedy}`);
    return EXIT.different;
  }
}
