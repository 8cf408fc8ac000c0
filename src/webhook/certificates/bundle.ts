/** Kinds of objects that say whom to trust. */
type TrustingKind = 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration' | 'CustomResourceDefinition';

export interface TrustingObject {
  readonly kind: TrustingKind;
  readonly name: string;
}

/** What an object says now, in all its `caBundle`s. */
export interface Trust {
  /** base64; undefined where one says nothing. */
  readonly bundles: readonly (string | undefined)[];
  readonly annotations: Readonly<Record<string, string>>;
}

export interface TrustStore {
  /** @returns undefined where there is no such object. */
  read(object: TrustingObject): Promise<Trust | undefined>;
  /** Sets each `caBundle` of the object; base64. Done when the API server has taken it. */
  patchCaBundle(kind: TrustingKind, name: string, bundle: string): Promise<void>;
  removeAnnotation(kind: TrustingKind, name: string, annotation: string): Promise<void>;
}

/** Who makes the certificates: we, or cert-manager, which then writes the bundles too. */
export type CertificateMode = 'own' | 'cert-manager';

/** By this cert-manager's injector knows what it is to write to: it would undo what we write. */
const INJECTED = 'cert-manager.io/inject-ca-from';

/** A `caBundle` of PEM. */
export function caBundle(pem: string): string {
  return Buffer.from(pem).toString('base64');
}

/** Has everybody who calls us trust a bundle (PEM). What says so already is not written to, nor anything of cert-manager's. */
export async function publishBundle(
  store: TrustStore,
  objects: readonly TrustingObject[],
  pem: string,
  mode: CertificateMode,
): Promise<void> {
  if (mode === 'cert-manager') return;
  const bundle = caBundle(pem);
  for (const { kind, name } of objects) {
    const trust = await store.read({ kind, name });
    if (trust === undefined) continue; // Not installed; where it comes later, the next round finds it.
    if (Object.hasOwn(trust.annotations, INJECTED)) await store.removeAnnotation(kind, name, INJECTED);
    if (trust.bundles.some((present) => present !== bundle)) await store.patchCaBundle(kind, name, bundle);
  }
}
