/** What recording and binding look at of a pod. All else is carried along. */
export interface Pod {
  readonly metadata?: {
    readonly name?: string;
    readonly generateName?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly os?: { readonly name?: string };
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly securityContext?: SecurityContext;
    readonly initContainers?: readonly Container[];
    readonly containers: readonly Container[];
    readonly ephemeralContainers?: readonly Container[];
  };
}

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext?: SecurityContext;
}

export interface SecurityContext {
  readonly privileged?: boolean;
  readonly seccompProfile?: { readonly type?: string; readonly localhostProfile?: string };
  readonly seLinuxOptions?: Readonly<Record<string, string>>;
  readonly appArmorProfile?: { readonly type?: string; readonly localhostProfile?: string };
}

/** The API server has decoded the pod before, so that its fields are of their types: this tells a pod from other things. */
export function isPod(value: unknown): value is Pod {
  const { spec } = (value ?? {}) as { spec?: Record<string, unknown> };
  const lists = [spec?.containers, spec?.initContainers ?? [], spec?.ephemeralContainers ?? []];
  return lists.every((list) => Array.isArray(list) && list.every(isContainer));
}

function isContainer(value: unknown): boolean {
  const { env } = (value ?? {}) as { env?: unknown };
  return isObject(value) && (env === undefined || env === null || (Array.isArray(env) && env.every(isObject)));
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null;

/** Windows has none of what is recorded. */
export function isWindows({ spec }: Pod): boolean {
  return spec.os?.name === 'windows' || spec.nodeSelector?.['kubernetes.io/os'] === 'windows';
}

/** A mirror of what a node's kubelet runs from a file: nothing that is changed here reaches it. */
export function isMirror({ metadata }: Pod): boolean {
  return metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined;
}

/** What the pod is called, as far as that is known: names are made up after admission. */
export function podName({ metadata }: Pod): string {
  return metadata?.name || `${metadata?.generateName ?? ''}*`;
}
