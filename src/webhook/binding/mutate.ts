import { LABELS, LOG_PROFILE, matchesSelector, traceAnnotation } from '../../api/names.ts';
import type { ProfileBinding } from '../../api/types.ts';
import { byAge } from '../pod/order.ts';
import { type Container, isMirror, isWindows, type Pod, podName, type SecurityContext } from '../pod/pod.ts';
import { FIELDS, type Reference } from './reference.ts';

/** For what no other binding names. */
const ANY = '*';
const PSA = 'pod-security.kubernetes.io/enforce';

/** Something to be told of a binding. */
interface Told {
  readonly binding: ProfileBinding;
  readonly reason: string;
  readonly message: string;
}

export interface Binding {
  /** The very pod that was given where nothing is to be changed. */
  readonly pod: Pod;
  readonly events: readonly Told[];
  /** For who makes the pod. */
  readonly warnings: readonly string[];
}

export interface BindingContext {
  readonly namespace: string;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  /** The pod as it was: only ephemeral containers can have been added to it. */
  readonly before?: Pod;
}

/** The bindings of a namespace that name an image of the pod, or all; those whose selector cannot be read too. */
export function bindingsFor(pod: Pod, bindings: readonly ProfileBinding[]): ProfileBinding[] {
  if (isWindows(pod) || isMirror(pod)) return [];
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
  const images = new Set([...initContainers, ...containers, ...ephemeralContainers].map(({ image }) => image));
  return bindings
    .filter(({ metadata, spec: { podSelector, image } }) => {
      if (metadata.deletionTimestamp !== undefined || (image !== ANY && !images.has(image))) return false;
      const selection = podSelector && matchesSelector(podSelector, pod.metadata?.labels ?? {});
      return !selection || 'error' in selection || selection.matches;
    })
    .toSorted(byAge);
}

/**
 * What a new pod, or one that gets an ephemeral container, has to become by bindings. What names an image is given to the
 * container, whatever it said; what names none is given to the pod, where that says nothing.
 * @param bindings as {@link bindingsFor} gives them, with what they refer to.
 */
export function bindPod(
  pod: Pod,
  bindings: readonly (readonly [ProfileBinding, Reference])[],
  context: BindingContext,
): Binding {
  const work = new Work(pod, context);
  for (const [binding, reference] of bindings) work.add(binding, reference);
  return work.result();
}

class Work {
  readonly #original: Pod;
  readonly #context: BindingContext;
  readonly #events: Told[] = [];
  readonly #warnings: string[] = [];
  /** Which binding a container, or the pod, has a field of its security context by. */
  readonly #taken = new Map<string, string>();
  #pod: Pod;

  constructor(pod: Pod, context: BindingContext) {
    this.#original = pod;
    this.#pod = pod;
    this.#context = context;
  }

  add(binding: ProfileBinding, reference: Reference): void {
    const { podSelector, image, profileRef } = binding.spec;
    const selection = podSelector && matchesSelector(podSelector, {});
    if (selection && 'error' in selection) {
      this.#tell(binding, 'InvalidPodSelector', `its podSelector: ${selection.error}`);
      return;
    }
    if ('reason' in reference) {
      this.#tell(binding, reference.reason, `${reference.message}: ${this.#name} does not get it`);
      return;
    }
    if (reference.warning !== undefined) this.#warnings.push(`binding ${binding.metadata.name}: ${reference.warning}`);
    const field = FIELDS[profileRef.kind];
    if (image === ANY) this.#addToPod(binding, field, reference.value);
    else this.#addToContainers(binding, field, reference.value);
  }

  result(): Binding {
    return { pod: this.#pod, events: this.#events, warnings: [...this.#warnings, ...this.#refused()] };
  }

  #addToPod(binding: ProfileBinding, field: keyof SecurityContext, value: object): void {
    const { securityContext } = this.#pod.spec;
    // A pod that runs cannot be changed, and what it says of itself stays.
    if (this.#context.before || this.#original.spec.securityContext?.[field] !== undefined) return;
    if (!this.#take(binding, field, '')) return;
    this.#pod = { ...this.#pod, spec: { ...this.#pod.spec, securityContext: { ...securityContext, [field]: value } } };
  }

  #addToContainers(binding: ProfileBinding, field: keyof SecurityContext, value: object): void {
    const { initContainers, containers, ephemeralContainers } = this.#pod.spec;
    const { before } = this.#context;
    const there = new Set(before?.spec.ephemeralContainers?.map(({ name }) => name));
    const bound = (container: Container) => this.#bind(binding, field, value, container);
    const spec = before
      ? {
          ...this.#pod.spec,
          ephemeralContainers: (ephemeralContainers ?? []).map((one) => (there.has(one.name) ? one : bound(one))),
        }
      : {
          ...this.#pod.spec,
          ...(initContainers && { initContainers: initContainers.map(bound) }),
          containers: containers.map(bound),
        };
    this.#pod = { ...this.#pod, spec };
  }

  #bind(binding: ProfileBinding, field: keyof SecurityContext, value: object, container: Container): Container {
    if (container.image !== binding.spec.image) return container;
    const own = container.securityContext?.[field];
    if (field === 'seccompProfile' && this.#isRecorded(container)) return container;
    if (!this.#take(binding, field, container.name)) return container;
    // The other parts of SELinux's label are not the profile's.
    const wanted = field === 'seLinuxOptions' ? { ...this.#selinux(container), ...value } : value;
    if (JSON.stringify(own) === JSON.stringify(wanted)) return container;
    if (own !== undefined)
      this.#tell(
        binding,
        'SecurityContextAlreadySet',
        `${field} of container ${container.name} of ${this.#name} gives way`,
      );
    return { ...container, securityContext: { ...container.securityContext, [field]: wanted } };
  }

  /** A container's options replace its pod's as a whole. */
  #selinux({ securityContext }: Container): object | undefined {
    return securityContext?.seLinuxOptions ?? this.#original.spec.securityContext?.seLinuxOptions;
  }

  /**
   * The recording webhook has given it the profile that logs in place of a stricter one, where the namespace's label says so.
   * Where it does not, whoever makes a pod could get rid of a binding by naming that profile.
   */
  #isRecorded({ name, securityContext }: Container): boolean {
    const { namespaceLabels } = this.#context;
    const session = `${traceAnnotation('SeccompProfile', 'Logs')}${name}`;
    return (
      namespaceLabels[LABELS.enableRecording] === 'override' &&
      securityContext?.seccompProfile?.localhostProfile === LOG_PROFILE &&
      this.#original.metadata?.annotations?.[session] !== undefined
    );
  }

  /** The oldest binding has it. */
  #take(binding: ProfileBinding, field: string, container: string): boolean {
    const key = `${field}/${container}`;
    const by = this.#taken.get(key);
    if (by === undefined) {
      this.#taken.set(key, binding.metadata.name);
      return true;
    }
    const what = container === '' ? this.#name : `container ${container} of ${this.#name}`;
    this.#tell(binding, 'BoundByAnother', `${what} has its ${field} by binding ${by}`);
    return false;
  }

  /** A type of its own is seen by Pod Security Admission behind this, and refused there. */
  #refused(): string[] {
    const { namespace, namespaceLabels } = this.#context;
    const level = namespaceLabels[PSA];
    const typed = [...this.#taken.keys()].some((key) => key.startsWith(`${FIELDS.SelinuxProfile}/`));
    if (!typed || (level !== 'baseline' && level !== 'restricted')) return [];
    return [`an SelinuxProfile is bound, which pod security level ${level} of namespace ${namespace} refuses`];
  }

  #tell(binding: ProfileBinding, reason: string, message: string): void {
    this.#events.push({ binding, reason, message });
    this.#warnings.push(`binding ${binding.metadata.name}: ${message}`);
  }

  get #name(): string {
    return `pod ${podName(this.#original)}`;
  }
}
