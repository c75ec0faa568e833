/** A package of the release has no addon for a target. */
export class AddonMissingError extends Error {
  override readonly name = 'AddonMissingError';
  readonly code = 'ADDON_MISSING';
}

/** What was downloaded for an addon cannot be used. */
export class AddonPackageError extends Error {
  override readonly name = 'AddonPackageError';
  readonly code = 'ADDON_PACKAGE_INVALID';
}
