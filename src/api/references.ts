import { posix } from 'node:path';

/** The part of a security context by which profiles are named. */
interface Context {
  readonly seccompProfile?: { readonly type?: string; readonly localhostProfile?: string };
}

interface Container {
  readonly name?: string;
  readonly securityContext?: Context;
}

/** A pod as the API server has it: what can name a profile. */
export interface ReferringPod {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly securityContext?: Context;
    readonly initContainers?: readonly Container[];
    readonly containers?: readonly Container[];
    readonly ephemeralContainers?: readonly Container[];
  };
  readonly status?: { readonly phase?: string };
}

/** What SPO still honours of pods from before Kubernetes 1.19. */
const LEGACY = 'seccomp.security.alpha.kubernetes.io/pod';
const LEGACY_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
const LOCAL = 'localhost/';

/** What `securityContext.seccompProfile.localhostProfile` has to say for a SeccompProfile. */
export function localhostProfile(name: string): string {
  return `operator/${fileName(name)}`;
}

/** As in SPO, a name that ends so already gets no second ending. */
function fileName(name: string): string {
  return name.endsWith('.json') ? name : `${name}.json`;
}

/**
 * What a pod that needs its profiles uses, each KIND:REFERENCE as {@link referenceOf} gives it. One whose containers have
 * ended for good needs none.
 */
export function referencesOf({ metadata, spec, status }: ReferringPod): string[] {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return [];
  const containers = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  const contexts = [spec?.securityContext, ...containers.map(({ securityContext }) => securityContext)];
  const files = contexts.flatMap((context) => {
    const { type, localhostProfile: file } = context?.seccompProfile ?? {};
    return type === 'Localhost' && file !== undefined ? [file] : [];
  });
  for (const [key, value] of Object.entries(metadata?.annotations ?? {}))
    if ((key === LEGACY || key.startsWith(LEGACY_CONTAINER)) && value.startsWith(LOCAL))
      files.push(value.slice(LOCAL.length));
  // kubelet joins the path, so that `./operator//x.json` is the same file.
  const plain = files.map((file) => posix.normalize(file)).filter((file) => /^operator\/[^/]+$/.test(file));
  return [...new Set(plain)].map((file) => `SeccompProfile:${file}`);
}

/** What each container of a pod runs under, as {@link referenceOf} gives it: its own profile, else the pod's. */
export function referencesByContainer({ spec }: ReferringPod): Record<string, string> {
  const containers = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  return Object.fromEntries(
    containers.flatMap(({ name, securityContext }) => {
      const own = securityContext?.seccompProfile ?? spec?.securityContext?.seccompProfile;
      const [reference] = referencesOf({ spec: { securityContext: { ...(own && { seccompProfile: own }) } } });
      return name !== undefined && reference !== undefined ? [[name, reference] as const] : [];
    }),
  );
}

/** By what pods refer to a profile. */
export function referenceOf(kind: 'SeccompProfile', name: string): string {
  return `${kind}:${localhostProfile(name)}`;
}
