// Senders that put one HMAC-SHA256 in hexadecimal into a header.

/** The cases that only this family has. `loose` says why an SDK takes a signature with more behind it. */
export function hexCases({ loose, upper = true, crossUpper } = {}) {
  return ({ messages: { first }, signature, prefix = '' }) => {
    const make = (name, valid, reason, edit, more) => ({
      name,
      message: first,
      valid,
      reason,
      edit: { [signature]: edit },
      ...more,
    });
    const list = [
      make(
        'upper-case',
        upper,
        'the right digest in upper case',
        (text) => prefix + text.slice(prefix.length).toUpperCase(),
        {
          policy_dependent: true,
          crossDivergence: crossUpper,
        },
      ),
      make('more-behind', false, 'the right digest with more behind it', (text) => `${text}zz`, { divergence: loose }),
    ];
    if (prefix) {
      list.push(
        make('prefix-missing', false, `the right digest without ${prefix}`, (text) => text.slice(prefix.length)),
        make(
          'prefix-other',
          false,
          'the right digest under another scheme',
          (text) => `sha1=${text.slice(prefix.length)}`,
        ),
      );
    }
    return list;
  };
}
