// The clock that the SDKs read while they verify.

/** Runs `action` with the time standing still at `seconds` since 1970. */
export async function standingAt(seconds, action) {
  const Real = globalThis.Date;
  const now = seconds * 1000;
  globalThis.Date = class extends Real {
    constructor(...parts) {
      super(...(parts.length ? parts : [now]));
    }
    static now() {
      return now;
    }
  };
  try {
    return await action();
  } finally {
    globalThis.Date = Real;
  }
}
