import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { loadProto, serviceOf } from '../../platform/grpc.ts';
import type { Container } from '../container.ts';
import { behindHandler } from './handlers.ts';

const SERVICE = serviceOf(loadProto(new URL('./cri.proto', import.meta.url)), 'runtime.v1.RuntimeService');

interface ContainerStatus {
  readonly metadata?: { readonly name: string };
  readonly image?: { readonly image: string; readonly userSpecifiedImage: string };
  readonly imageRef: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface SandboxStatus {
  readonly metadata?: { readonly name: string; readonly namespace: string };
  readonly runtimeHandler: string;
}

interface ListedContainer {
  readonly podSandboxId: string;
  readonly metadata?: { readonly name: string };
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** What an id stands for: a container of a pod, or what holds a pod's namespaces. */
export type CriIdentity =
  | { readonly sandbox: true }
  | {
      readonly sandbox: false;
      readonly name: string;
      readonly pod: string;
      readonly namespace: string;
      readonly podUid: string;
      /** The RuntimeClass' handler; empty: the runtime's default. */
      readonly handler: string;
      /** What is behind the handler, by names that tell of it; empty where the runtime does not say. */
      readonly runtime: string;
      /** Milliseconds since the epoch, by the runtime's clock; absent where it does not say. */
      readonly createdAt?: number;
    };

/** The runtime does not answer at all; anything else that it says is about one container. */
export class RuntimeAway extends Error {}

/** A container runtime that is asked by the Container Runtime Interface. */
export class RuntimeClient implements Disposable {
  readonly #client: Client;

  /** @param endpoint `unix:///run/…` */
  constructor(endpoint: string) {
    // The host's proxy settings are for TCP, and there is nothing between two ends of a Unix socket.
    this.#client = new Client(endpoint, credentials.createInsecure(), {
      'grpc.enable_http_proxy': 0,
      'grpc.max_reconnect_backoff_ms': 10_000,
    });
  }

  /**
   * What the runtime knows of a container, or of a pod's sandbox (the pause container has no name of its own).
   * @param deadline milliseconds since the epoch.
   * @returns undefined where it does not know the id.
   * @throws RuntimeAway
   */
  async container(id: string, deadline: number): Promise<Container | undefined> {
    const found = await this.#status<ContainerStatus>('ContainerStatus', { containerId: id }, deadline);
    if (found) return describeContainer(id, found);
    const sandbox = await this.#status<SandboxStatus>('PodSandboxStatus', { podSandboxId: id }, deadline);
    return sandbox?.metadata && { id, pod: sandbox.metadata.name, namespace: sandbox.metadata.namespace };
  }

  /**
   * Whose an id is, and by which runtime handler it runs.
   * @param deadline milliseconds since the epoch.
   * @returns undefined where the runtime does not know the id.
   * @throws RuntimeAway
   */
  async identify(id: string, deadline: number): Promise<CriIdentity | undefined> {
    const [list, status] = await Promise.all([
      this.#ask<{ containers?: readonly ListedContainer[] }>('ListContainers', { filter: { id } }, deadline),
      this.#ask<{ info: Readonly<Record<string, string>> }>('Status', { verbose: true }, deadline),
    ]);
    const found = list?.containers?.[0];
    const sandbox = await this.#status<SandboxStatus>(
      'PodSandboxStatus',
      { podSandboxId: found?.podSandboxId ?? id },
      deadline,
    );
    if (!found) return sandbox && { sandbox: true };
    const handler = sandbox?.runtimeHandler ?? '';
    const createdAt = found.createdAt / 1e6;
    const label = (name: string) => found.labels[`io.kubernetes.${name}`] ?? '';
    return {
      sandbox: false,
      name: label('container.name') || (found.metadata?.name ?? ''),
      pod: label('pod.name'),
      namespace: label('pod.namespace'),
      podUid: label('pod.uid'),
      handler,
      runtime: behindHandler(handler, status?.info.config),
      ...(createdAt > 0 && { createdAt }),
    };
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  async #status<T>(method: string, request: object, deadline: number): Promise<T | undefined> {
    return (await this.#ask<{ readonly status?: T }>(method, request, deadline))?.status;
  }

  #ask<T>(method: string, request: object, deadline: number): Promise<T | undefined> {
    const { path, requestSerialize, responseDeserialize } = SERVICE[method] as (typeof SERVICE)[string];
    const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
    this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      { deadline },
      (error: ServiceError | null, response?: T) => {
        if (error && AWAY.has(error.code)) reject(new RuntimeAway(error.details, { cause: error }));
        else resolve(error ? undefined : response);
      },
    );
    return promise;
  }
}

/** An unknown id is NOT_FOUND for containerd and CRI-O, UNKNOWN for cri-dockerd. */
const AWAY: ReadonlySet<number> = new Set([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.PERMISSION_DENIED,
]);

function describeContainer(id: string, { metadata, image, imageRef, labels }: ContainerStatus): Container {
  const parts = {
    id,
    name: labels['io.kubernetes.container.name'] || metadata?.name,
    pod: labels['io.kubernetes.pod.name'],
    namespace: labels['io.kubernetes.pod.namespace'],
    image: image?.userSpecifiedImage || image?.image || imageRef,
  };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value)) as { id: string };
}
