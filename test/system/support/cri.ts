import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { loadProto, serviceOf } from '../../../src/platform/grpc.ts';

const SERVICE = serviceOf(loadProto(new URL('./cri.proto', import.meta.url)), 'runtime.v1.RuntimeService');

/** What a kubelet is to a runtime. */
export class Cri implements Disposable {
  readonly #client: Client;

  /** @param endpoint `unix:///run/containerd/containerd.sock` */
  constructor(endpoint: string) {
    this.#client = new Client(endpoint, credentials.createInsecure());
  }

  ask(method: string, request: object): Promise<Record<string, unknown>> {
    const { path, requestSerialize, responseDeserialize } = SERVICE[method] as (typeof SERVICE)[string];
    const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
    this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      (error: ServiceError | null, response?: Record<string, unknown>) => {
        if (error) reject(error);
        else resolve(response ?? {});
      },
    );
    return promise;
  }

  /** Ends a pod's containers, its network and what is kept of it. */
  async endPod(podSandboxId: string): Promise<void> {
    await this.ask('StopPodSandbox', { podSandboxId });
    await this.ask('RemovePodSandbox', { podSandboxId });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}
