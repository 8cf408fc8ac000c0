/**
 * Waits until `wake` settles, `milliseconds` are over or `signal` aborts.
 * @returns whether it was `wake`.
 */
export function waitFor(wake: Promise<unknown>, milliseconds: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = (woken: boolean) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      resolve(woken);
    };
    const stop = () => finish(false);
    const timer = setTimeout(stop, milliseconds);
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    wake.then(
      () => finish(true),
      () => finish(true),
    );
  });
}

/** Waits so long, or until `signal` aborts. */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<boolean> {
  return waitFor(new Promise(() => {}), milliseconds, signal);
}

/** Resolves when `signal` aborts. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Aborts so many milliseconds behind `signal`. */
export function lingering(signal: AbortSignal, milliseconds: number): AbortSignal {
  const controller = new AbortController();
  void untilAborted(signal)
    .then(() => pause(milliseconds))
    .then(() => controller.abort());
  return controller.signal;
}
