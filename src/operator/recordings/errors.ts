import { ProfileError } from '../../profile/error.ts';

/** Whether profiles could not be merged for what is in them: it does not help to try again. */
export function isUnmergeable(error: unknown): error is Error {
  return error instanceof ProfileError || error instanceof RangeError;
}
