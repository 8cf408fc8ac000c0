/** What is wrong with a profile, and where. Lines and columns count from 1. */
export class ProfileError extends Error {
  override readonly name = 'ProfileError';
  readonly file: string;
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(message: string, file: string, position?: { readonly line: number; readonly column: number }) {
    super(position ? `${file}:${position.line}:${position.column}: ${message}` : `${file}: ${message}`);
    this.file = file;
    this.line = position?.line;
    this.column = position?.column;
  }
}
