import type { TestContext } from 'node:test';
import { type ClientOptions, KubeClient } from '../../src/kube/client.ts';
import { Connection } from '../../src/kube/config.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import { FakeApiServer } from './fake-api-server.ts';

/** A fake API server and a client of it, for one test. */
export async function serve(context: TestContext, settings?: ClientOptions) {
  const server = await FakeApiServer.start();
  const client = clientOf(server.url, settings);
  context.after(async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  return { server, client };
}

export function clientOf(server: string, settings?: ClientOptions): KubeClient {
  return new KubeClient(new Connection({ server, namespace: 'default', insecure: false, headers: {} }), settings);
}

export function pod(name: string, more: object = {}, namespace = 'n'): KubeObject & Record<string, unknown> {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name }, ...more };
}
