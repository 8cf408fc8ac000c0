/** What kind of thing went wrong; stable, so that scripts and tests can rely on it. */
export type ErrorCode =
  | 'ERR_USAGE'
  | 'ERR_PROFILE_INVALID'
  | 'ERR_FILE_READ'
  | 'ERR_FILE_WRITE'
  | 'ERR_BPF_UNSUPPORTED'
  | 'ERR_BPF_PERMISSION'
  | 'ERR_BPF_LOAD'
  | 'ERR_NATIVE_MISSING'
  | 'ERR_COMMAND_NOT_FOUND'
  | 'ERR_COMMAND_NOT_EXECUTABLE'
  | 'ERR_COMMAND_START'
  | 'ERR_TARGET_NOT_FOUND'
  | 'ERR_FILTER'
  | 'ERR_AUDIT_SOURCE'
  | 'ERR_LISTEN'
  | 'ERR_CERTIFICATE'
  | 'ERR_KUBE_CONFIG'
  | 'ERR_KUBE_REQUEST'
  | 'ERR_KUBE_LEASE_LOST'
  | 'ERR_SETUP'
  | 'ERR_SETUP_REFUSED';

export interface ErrorDetails {
  readonly cause?: unknown;
  /** What the user can do about it, as one sentence. */
  readonly remedy?: string;
}

/** An error that names the thing, its cause and what to do; every error that leaves a module is one of these. */
export class SyscribeError extends Error {
  override readonly name = 'SyscribeError';
  readonly code: ErrorCode;
  readonly remedy: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.remedy = details.remedy;
  }
}
