import { readFileSync } from 'node:fs';
import { SyscribeError } from '../platform/errors.ts';
import { ProfileError } from '../profile/error.ts';
import { type ParsedProfile, parseProfile } from '../profile/seccomp/parse.ts';

/**
 * Reads a profile of either form.
 * @throws SyscribeError ERR_FILE_READ or ERR_PROFILE_INVALID, the latter with file, line and column.
 */
export function readProfile(file: string): ParsedProfile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SyscribeError('ERR_FILE_READ', `cannot read the profile ${file}`, { cause });
  }
  try {
    return parseProfile(text, file);
  } catch (error) {
    if (!(error instanceof ProfileError)) throw error;
    throw new SyscribeError('ERR_PROFILE_INVALID', error.message, {
      remedy: 'It must be a SeccompProfile resource (YAML) or the JSON that runc, Docker and Podman take.',
    });
  }
}
