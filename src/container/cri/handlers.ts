import { basename } from 'node:path';

/** Of containerd's settings for CRI (`Status` with `verbose`, 1.6 to 2.x), what tells of its runtimes. */
interface Settings {
  readonly containerd?: {
    readonly defaultRuntimeName?: string;
    readonly runtimes?: Readonly<Record<string, { runtimeType?: string; options?: { BinaryName?: string } | null }>>;
  };
}

/**
 * The names of what is behind a runtime handler: its own, the shim's, and the program's where the settings name one.
 * @param handler empty: the default one.
 * @param config containerd's settings, as JSON. CRI-O does not tell its own.
 */
export function behindHandler(handler: string, config: string | undefined): string {
  const { containerd } = parse(config);
  const name = handler || (containerd?.defaultRuntimeName ?? '');
  const { runtimeType, options } = containerd?.runtimes?.[name] ?? {};
  return [name, runtimeType, options?.BinaryName && basename(options.BinaryName)].filter(Boolean).join(' ');
}

function parse(config = ''): Settings {
  try {
    return JSON.parse(config) ?? {};
  } catch {
    return {};
  }
}
