import { statSync } from 'node:fs';

/** Where runtimes listen by default, those of small distributions too. */
const SOCKETS = [
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/run/cri-dockerd.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/k0s/containerd.sock',
  '/var/snap/microk8s/common/run/containerd.sock',
];

/** The endpoint that `CONTAINER_RUNTIME_ENDPOINT` names (as for crictl), else all sockets of runtimes that there are. */
export function runtimeEndpoints(environment: NodeJS.ProcessEnv = process.env): string[] {
  const named = environment.CONTAINER_RUNTIME_ENDPOINT;
  if (named) return [named.startsWith('/') ? `unix://${named}` : named];
  return SOCKETS.filter((path) => statSync(path, { throwIfNoEntry: false })?.isSocket()).map(
    (path) => `unix://${path}`,
  );
}
