/** What a component tells about itself; pino's loggers are such. */
export interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}
