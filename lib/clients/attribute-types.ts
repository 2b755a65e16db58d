/**
 * Types of attributes by the names that are in use for them: those of RFC 4514 and RFC 4519, and what Java, .NET, OpenSSL and
 * the rules for PSD2 and extended-validation certificates call them. Case does not count.
 */
const NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN commonName',
  '2.5.4.4': 'SN surname',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C countryName',
  '2.5.4.7': 'L localityName',
  // Java and .NET write S.
  '2.5.4.8': 'ST S stateOrProvinceName',
  '2.5.4.9': 'street streetAddress',
  '2.5.4.10': 'O organizationName',
  '2.5.4.11': 'OU organizationalUnitName',
  '2.5.4.12': 'title T',
  '2.5.4.13': 'description',
  '2.5.4.14': 'searchGuide',
  '2.5.4.15': 'businessCategory',
  '2.5.4.16': 'postalAddress',
  '2.5.4.17': 'postalCode',
  '2.5.4.18': 'postOfficeBox POBox',
  '2.5.4.19': 'physicalDeliveryOfficeName',
  '2.5.4.20': 'telephoneNumber Phone',
  '2.5.4.21': 'telexNumber',
  '2.5.4.22': 'teletexTerminalIdentifier',
  '2.5.4.23': 'facsimileTelephoneNumber',
  '2.5.4.24': 'x121Address',
  '2.5.4.25': 'internationalISDNNumber',
  '2.5.4.26': 'registeredAddress',
  '2.5.4.27': 'destinationIndicator',
  '2.5.4.31': 'member',
  '2.5.4.32': 'owner',
  '2.5.4.33': 'roleOccupant',
  '2.5.4.34': 'seeAlso',
  '2.5.4.41': 'name',
  '2.5.4.42': 'GN G givenName',
  '2.5.4.43': 'initials I',
  '2.5.4.44': 'generationQualifier generation',
  '2.5.4.45': 'x500UniqueIdentifier',
  '2.5.4.46': 'dnQualifier DNQ',
  '2.5.4.51': 'houseIdentifier',
  '2.5.4.54': 'dmdName',
  '2.5.4.65': 'pseudonym',
  '2.5.4.72': 'role',
  '2.5.4.97': 'organizationIdentifier',
  '0.9.2342.19200300.100.1.1': 'UID userId',
  '0.9.2342.19200300.100.1.3': 'mail rfc822Mailbox',
  '0.9.2342.19200300.100.1.25': 'DC domainComponent',
  '1.2.840.113549.1.9.1': 'emailAddress E EMAIL',
  '1.2.840.113549.1.9.2': 'unstructuredName',
  '1.2.840.113549.1.9.8': 'unstructuredAddress',
  '1.3.6.1.4.1.311.60.2.1.1':
    'jurisdictionL jurisdictionLocalityName jurisdictionOfIncorporationLocalityName',
  '1.3.6.1.4.1.311.60.2.1.2':
    'jurisdictionST jurisdictionStateOrProvinceName jurisdictionOfIncorporationStateOrProvinceName',
  '1.3.6.1.4.1.311.60.2.1.3': 'jurisdictionC jurisdictionCountryName jurisdictionOfIncorporationCountryName',
};

const BY_NAME: ReadonlyMap<string, string> = new Map(
  Object.entries(NAMES).flatMap(([oid, names]) =>
    names.split(' ').map((name) => [name.toLowerCase(), encodedOid(oid) as string] as const),
  ),
);

/** A type by its name or its OID, as the content of its DER in hex, which is how types are compared; `undefined` where there is none. */
export function attributeType(written: string): string | undefined {
  return /^\d/.test(written) ? encodedOid(written) : BY_NAME.get(written.toLowerCase());
}

/** X.690 §8.19. `undefined` for numbers that are no OID. */
function encodedOid(dotted: string): string | undefined {
  if (!/^(?:[01]\.[1-3]?\d|2\.(?:0|[1-9]\d*))(?:\.(?:0|[1-9]\d*))*$/.test(dotted)) return undefined;
  const [top, second, ...rest] = dotted.split('.').map(BigInt) as [bigint, bigint, ...bigint[]];
  return [top * 40n + second, ...rest].map(encodedNumber).join('');
}

/** Seven bits an octet, of which all but the last have the eighth. */
function encodedNumber(number: bigint): string {
  let octets = (number & 0x7fn).toString(16).padStart(2, '0');
  for (let left = number >> 7n; left > 0n; left >>= 7n)
    octets = ((left & 0x7fn) | 0x80n).toString(16) + octets;
  return octets;
}
