import { type Container, isPod, type Pod } from '../pod/pod.ts';

/** By this name the audit stream finds the request that a process was started by. */
export const VARIABLE = 'SPO_EXEC_REQUEST_UID';

/** `core/v1` PodExecOptions, as far as it matters. */
interface ExecOptions {
  readonly command?: readonly string[];
}

export function isExec(value: unknown): value is ExecOptions {
  const { command } = (value ?? {}) as { command?: unknown };
  const words = command ?? [];
  const isCommand = Array.isArray(words) && words.every((word) => typeof word === 'string');
  return typeof value === 'object' && value !== null && isCommand;
}

/**
 * The command with the request's UID in its environment, by env(1), which the image has to have. Wherever the command sets
 * the variable itself, it sets this one: nobody passes for another request.
 */
export function withUid(options: ExecOptions, uid: string): ExecOptions {
  const setting = `${VARIABLE}=${uid}`;
  const command = (options.command ?? []).map((word) => (word.startsWith(`${VARIABLE}=`) ? setting : word));
  // The API server may ask again.
  const there = command[0] === 'env' && command[1] === setting;
  return { ...options, command: there ? command : ['env', setting, ...command] };
}

/** A pod whose containers have the request's UID in their environment. */
export function podWithUid(pod: Pod, uid: string): Pod {
  return { ...pod, spec: { ...pod.spec, containers: pod.spec.containers.map((one) => containerWithUid(one, uid)) } };
}

/** A pod whose new ephemeral containers have it: the others run already, and cannot be changed. */
export function debuggedWithUid(pod: Pod, before: unknown, uid: string): Pod {
  const there = new Set(isPod(before) ? before.spec.ephemeralContainers?.map(({ name }) => name) : []);
  const containers = (pod.spec.ephemeralContainers ?? []).map((one) =>
    there.has(one.name) ? one : containerWithUid(one, uid),
  );
  return { ...pod, spec: { ...pod.spec, ephemeralContainers: containers } };
}

function containerWithUid(container: Container, uid: string): Container {
  const others = (container.env ?? []).filter(({ name }) => name !== VARIABLE);
  return { ...container, env: [...others, { name: VARIABLE, value: uid }] };
}
