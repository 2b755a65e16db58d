import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSubjectOf } from '../../lib/clients/certificate-subject.js';
import { readName, subjectName } from '../../lib/clients/distinguished-name.js';
import { MemoryClientStore } from '../../lib/index.js';
import {
  attribute,
  BMP,
  certificateNamed,
  der,
  derCertificate,
  IA5,
  PRINTABLE,
  part,
  TELETEX,
  TYPES,
  UNIVERSAL,
  UTF8,
} from '../support/der.js';

const is = (of: X509Certificate, tlsClientAuthSubjectDn: string): boolean =>
  isSubjectOf(of, { clientId: 'app', tlsClientAuthSubjectDn });

const hex = (tag: number, value: string): string => `#${der(tag, value).toString('hex')}`;

describe('the subject of a bank, whoever writes it', () => {
  const bank = new X509Certificate(readFileSync('__tests__/support/tls/psd2.crt'));
  const NAMES: readonly (readonly [string, string])[] = [
    [
      'openssl -nameopt RFC2253',
      'emailAddress=ti@banco-exemplo.example,CN=web.banco-exemplo.example,UID=67c57882-043b-11ec-9a03-0242ac130003,organizationIdentifier=OFBBR-d7384bd0-842f-43c5-be02-9d2b2d5efc2c,O=Banco Exemplo SA,street=Rua \\"A\\"\\, 1,L=S\\C3\\A3o Paulo,ST=SP,C=BR,serialNumber=43142666000197,jurisdictionC=BR,businessCategory=Private Organization',
    ],
    [
      'openssl -nameopt RFC2253,lname',
      'emailAddress=ti@banco-exemplo.example,commonName=web.banco-exemplo.example,userId=67c57882-043b-11ec-9a03-0242ac130003,organizationIdentifier=OFBBR-d7384bd0-842f-43c5-be02-9d2b2d5efc2c,organizationName=Banco Exemplo SA,streetAddress=Rua \\"A\\"\\, 1,localityName=S\\C3\\A3o Paulo,stateOrProvinceName=SP,countryName=BR,serialNumber=43142666000197,jurisdictionCountryName=BR,businessCategory=Private Organization',
    ],
    [
      'openssl -nameopt RFC2253,oid,dump_der,dump_all',
      '1.2.840.113549.1.9.1=#161874694062616E636F2D6578656D706C6F2E6578616D706C65,2.5.4.3=#0C197765622E62616E636F2D6578656D706C6F2E6578616D706C65,0.9.2342.19200300.100.1.1=#0C2436376335373838322D303433622D313165632D396130332D303234326163313330303033,2.5.4.97=#0C2A4F464242522D64373338346264302D383432662D343363352D626530322D396432623264356566633263,2.5.4.10=#0C1042616E636F204578656D706C6F205341,2.5.4.9=#0C0A527561202241222C2031,2.5.4.7=#0C0A53C3A36F205061756C6F,2.5.4.8=#0C025350,2.5.4.6=#13024252,2.5.4.5=#130E3433313432363636303030313937,1.3.6.1.4.1.311.60.2.1.3=#13024252,2.5.4.15=#0C1450726976617465204F7267616E697A6174696F6E',
    ],
    [
      'X500Principal.getName() of Java',
      '1.2.840.113549.1.9.1=#161874694062616e636f2d6578656d706c6f2e6578616d706c65,CN=web.banco-exemplo.example,UID=67c57882-043b-11ec-9a03-0242ac130003,2.5.4.97=#0c2a4f464242522d64373338346264302d383432662d343363352d626530322d396432623264356566633263,O=Banco Exemplo SA,STREET=Rua \\"A\\"\\, 1,L=São Paulo,ST=SP,C=BR,2.5.4.5=#130e3433313432363636303030313937,1.3.6.1.4.1.311.60.2.1.3=#13024252,2.5.4.15=#0c1450726976617465204f7267616e697a6174696f6e',
    ],
    [
      'X500Principal.getName(RFC1779) of Java',
      'OID.1.2.840.113549.1.9.1=ti@banco-exemplo.example, CN=web.banco-exemplo.example, OID.0.9.2342.19200300.100.1.1=67c57882-043b-11ec-9a03-0242ac130003, OID.2.5.4.97=OFBBR-d7384bd0-842f-43c5-be02-9d2b2d5efc2c, O=Banco Exemplo SA, STREET="Rua \\"A\\", 1", L=São Paulo, ST=SP, C=BR, OID.2.5.4.5=43142666000197, OID.1.3.6.1.4.1.311.60.2.1.3=BR, OID.2.5.4.15=Private Organization',
    ],
    [
      'X500Principal.toString() of Java',
      'EMAILADDRESS=ti@banco-exemplo.example, CN=web.banco-exemplo.example, UID=67c57882-043b-11ec-9a03-0242ac130003, OID.2.5.4.97=OFBBR-d7384bd0-842f-43c5-be02-9d2b2d5efc2c, O=Banco Exemplo SA, STREET="Rua \\"A\\", 1", L=São Paulo, ST=SP, C=BR, SERIALNUMBER=43142666000197, OID.1.3.6.1.4.1.311.60.2.1.3=BR, OID.2.5.4.15=Private Organization',
    ],
    [
      'pkix.RDNSequence.String() of Go',
      '1.2.840.113549.1.9.1=#161874694062616e636f2d6578656d706c6f2e6578616d706c65,CN=web.banco-exemplo.example,0.9.2342.19200300.100.1.1=#0c2436376335373838322d303433622d313165632d396130332d303234326163313330303033,2.5.4.97=#0c2a4f464242522d64373338346264302d383432662d343363352d626530322d396432623264356566633263,O=Banco Exemplo SA,STREET=Rua \\"A\\"\\, 1,L=São Paulo,ST=SP,C=BR,SERIALNUMBER=43142666000197,1.3.6.1.4.1.311.60.2.1.3=#13024252,2.5.4.15=#0c1450726976617465204f7267616e697a6174696f6e',
    ],
    [
      'X509Certificate2.Subject of .NET',
      'E=ti@banco-exemplo.example, CN=web.banco-exemplo.example, OID.0.9.2342.19200300.100.1.1=67c57882-043b-11ec-9a03-0242ac130003, OID.2.5.4.97=OFBBR-d7384bd0-842f-43c5-be02-9d2b2d5efc2c, O=Banco Exemplo SA, STREET="Rua ""A"", 1", L=São Paulo, S=SP, C=BR, SERIALNUMBER=43142666000197, OID.1.3.6.1.4.1.311.60.2.1.3=BR, OID.2.5.4.15=Private Organization',
    ],
    [
      'RFC 1779 with semicolons',
      'E=ti@banco-exemplo.example; CN=web.banco-exemplo.example; UID=67c57882-043b-11ec-9a03-0242ac130003; organizationIdentifier=OFBBR-d7384bd0-842f-43c5-be02-9d2b2d5efc2c; O=Banco Exemplo SA; STREET="Rua \\22A\\22, 1"; L=São Paulo; ST=SP; C=BR; SERIALNUMBER=43142666000197; jurisdictionCountryName=BR; businessCategory=Private Organization',
    ],
  ];

  it.each(NAMES)('issuer/01 A-18 is known as %s has it', (_who, name) => {
    expect(is(bank, name)).toBe(true);
    expect(() => new MemoryClientStore([{ ...CLIENT, tlsClientAuthSubjectDn: name }])).not.toThrow();
    // Any other is another one: in another order, with less, and with a letter changed.
    const parts = name.split(/[,;] ?/);
    expect(is(bank, parts.slice(1).join(','))).toBe(false);
    expect(is(bank, name.replace(/Private|50726976617465/i, 'private'))).toBe(false);
  });

  it('issuer/01 A-18 is another in the order of `openssl x509 -subject`, and with values in other letters', () => {
    const name = NAMES[1]?.[1] as string;
    const parts = name.replaceAll('\\,', '\\2C').split(',');
    expect(is(bank, parts.join(','))).toBe(true);
    expect(is(bank, parts.toReversed().join(','))).toBe(false);
    expect(is(bank, name.replace('Banco Exemplo', 'BANCO EXEMPLO'))).toBe(false);
    expect(is(bank, name.replace('Banco Exemplo', 'Banco  Exemplo'))).toBe(false);
    expect(is(bank, name.replace('organizationName', 'organizationalUnitName'))).toBe(false);
  });
});

const CLIENT = { clientId: 'app', authMethods: ['tls_client_auth'] } as const;

describe('a name, and the types of its values', () => {
  const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();
  const utf32 = (...points: readonly number[]): Buffer =>
    Buffer.concat(points.map((point) => Buffer.from(point.toString(16).padStart(8, '0'), 'hex')));

  it.each<[string, number, Buffer | string, string]>([
    ['UTF8String', UTF8, 'Zoë 😀', 'Zoë 😀'],
    ['PrintableString', PRINTABLE, 'Zoe', 'Zoe'],
    ['IA5String', IA5, 'zoe@example.com', 'zoe@example.com'],
    ['NumericString', 0x12, '12 3', '12 3'],
    ['TeletexString', TELETEX, Buffer.from('Zoë', 'latin1'), 'Zoë'],
    ['BMPString', BMP, utf16('Zoë'), 'Zoë'],
    ['UniversalString', UNIVERSAL, utf32(0x5a, 0x6f, 0xeb, 0x1f600), 'Zoë😀'],
  ])('issuer/01 A-18 the text of a %s is the text, however a name has it', (_what, tag, value, text) => {
    const certificate = certificateNamed(part(attribute(TYPES.CN, tag, value)));
    for (const name of [
      `CN=${text}`,
      `2.5.4.3=#${der(tag, value).toString('hex')}`,
      `CN=${hex(UTF8, text)}`,
      `cn=#${der(BMP, utf16(text)).toString('hex').toUpperCase()}`,
    ])
      expect(is(certificate, name)).toBe(true);
    expect(is(certificate, `CN=${text}x`)).toBe(false);
    expect(is(certificate, `O=${text}`)).toBe(false);
  });

  it.each<[string, number, Buffer]>([
    ['a UTF8String', UTF8, Buffer.from([0x61, 0xff])],
    ['a PrintableString', PRINTABLE, Buffer.from([0x61, 0xe4])],
    ['half a BMPString', BMP, Buffer.from([0x61])],
    ['a BMPString of half a character', BMP, Buffer.from([0xd8, 0x3d])],
    ['half a UniversalString', UNIVERSAL, Buffer.from([0, 0x61])],
    ['a UniversalString beyond Unicode', UNIVERSAL, Buffer.from([0, 0x11, 0, 0])],
    ['a UniversalString of half a character', UNIVERSAL, Buffer.from([0, 0, 0xd8, 0x3d])],
  ])('A-18 what is no text in %s is nobody: neither throws nor matches', (_what, tag, value) => {
    const raw = derCertificate(der(0x30, part(attribute(TYPES.CN, tag, value))));
    expect(subjectName(raw)).toBeUndefined();
    expect(readName(`CN=#${der(tag, value).toString('hex')}`).problem).toMatch('no BER');
  });

  it('A-18 a part with a value that is no text is nobody, whatever else is in it', () => {
    const bad = attribute(TYPES.O, UTF8, Buffer.from([0x61, 0xff]));
    for (const one of [part(attribute(TYPES.CN, UTF8, 'a'), bad), part(bad, attribute(TYPES.CN, UTF8, 'a'))])
      expect(subjectName(derCertificate(der(0x30, one)))).toBeUndefined();
  });

  it('A-18 a name that nobody can read is not that of a certificate without one', () => {
    expect(is(certificateNamed(), 'no name')).toBe(false);
    expect(is(certificateNamed(), '')).toBe(false);
  });

  it('A-18 a value that is no text is compared as it is', () => {
    const bits = der(0x03, Buffer.from([0, 0x5a]));
    const id = '55042d';
    const certificate = certificateNamed(part(attribute(id, 0x03, Buffer.from([0, 0x5a]))));
    expect(is(certificate, `x500UniqueIdentifier=#${bits.toString('hex')}`)).toBe(true);
    expect(is(certificate, 'x500UniqueIdentifier=#0302005b')).toBe(false);
    expect(is(certificate, `x500UniqueIdentifier=${bits.toString('hex')}`)).toBe(false);
  });

  it('A-18 the parts of a part have no order, and its own parts have', () => {
    const [cn, o] = [attribute(TYPES.CN, UTF8, 'a'), attribute(TYPES.O, UTF8, 'b')];
    for (const certificate of [certificateNamed(part(cn, o)), certificateNamed(part(o, cn))]) {
      expect(is(certificate, 'CN=a+O=b')).toBe(true);
      expect(is(certificate, 'O=b + CN="a"')).toBe(true);
      expect(is(certificate, 'CN=a,O=b')).toBe(false);
    }
    expect(is(certificateNamed(part(o), part(cn)), 'CN=a,O=b')).toBe(true);
    expect(is(certificateNamed(part(o), part(cn)), 'CN=a+O=b')).toBe(false);
    expect(is(certificateNamed(part(cn), part(o)), 'CN=a,O=b')).toBe(false);
  });

  it.each([
    'a\nO=Example',
    'a,O=Example',
    'a+O=Example',
    'a\\0AO=Example',
    'a, O=Example',
    'a\0',
    '#0c01',
    ' a',
    'a ',
    '"a"',
    'a","b',
  ])('A-18 what stands in a value is of that value, %j too', (value) => {
    const certificate = certificateNamed(part(attribute(TYPES.CN, UTF8, value)));
    const escaped = Array.from(value, (one) => `\\${Buffer.from(one).toString('hex')}`).join('');
    expect(is(certificate, `CN=${escaped}`)).toBe(true);
    expect(is(certificate, `CN=${value}`)).toBe(false);
    expect(is(certificate, 'O=Example,CN=a')).toBe(false);
    expect(is(certificate, 'CN=a,O=Example')).toBe(false);
    expect(is(certificate, 'CN=a')).toBe(false);
    expect(
      is(
        certificateNamed(part(attribute(TYPES.O, UTF8, 'Example')), part(attribute(TYPES.CN, UTF8, 'a'))),
        `CN=${escaped}`,
      ),
    ).toBe(false);
  });

  it('A-18 a slash is a character as any other', () => {
    const certificate = certificateNamed(part(attribute(TYPES.CN, UTF8, 'a/O=Example')));
    expect(is(certificate, 'CN=a/O=Example')).toBe(true);
    expect(is(certificate, 'O=Example,CN=a')).toBe(false);
  });

  it('A-18 knows types that have no name by their OID, however large', () => {
    const certificate = certificateNamed(part(attribute('69883703', UTF8, 'x')));
    expect(is(certificate, '2.25.883.3=x')).toBe(false);
    expect(is(certificate, 'OID.2.25.1051.3=x')).toBe(false);
    // X.690 §8.19.5 has this one as its example.
    expect(is(certificateNamed(part(attribute('883703', UTF8, 'x'))), '2.999.3=x')).toBe(true);
    const uuid = '2.25.329800735698586629295641978511506172918=x';
    const octets = '6983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776';
    expect(is(certificateNamed(part(attribute(octets, UTF8, 'x'))), uuid)).toBe(true);
  });

  it.each([
    [
      '/C=DE/O=Example/CN=ledger',
      'has slashes between its parts; separate them by commas, the last one first',
    ],
    ['CN=ledger\n', 'has a control character, which must be escaped, as in \\0A'],
    ['CN=a\tb', 'has a control character, which must be escaped, as in \\0A'],
    ['CN=\ud83d', 'has half a character'],
    ['ledger', 'has a part that is no type, an equals sign and a value'],
    ['CN=ledger,', 'has a part that is no type, an equals sign and a value'],
    ['CN=ledger+', 'has a part that is no type, an equals sign and a value'],
    ['OID.CN=ledger', 'has a part that is no type, an equals sign and a value'],
    ['organisation=x', 'has the type organisation, which is not known; write its OID'],
    [`${'x'.repeat(100)}=x`, `has the type ${'x'.repeat(64)}, which is not known; write its OID`],
    ['2.5.4.03=x', 'has the type 2.5.4.03, which is not known; write its OID'],
    ['3.1=x', 'has the type 3.1, which is not known; write its OID'],
    ['2=x', 'has the type 2, which is not known; write its OID'],
    ['1.40.1=x', 'has the type 1.40.1, which is not known; write its OID'],
    ['CN=', 'has a CN without a value'],
    ['CN=,O=x', 'has a CN without a value'],
    ['CN=""', 'has a CN without a value'],
    ['CN=#0c00', 'has a CN without a value'],
    ['CN=#', 'has a value after # that is no BER in hex'],
    ['CN=#0c0', 'has a value after # that is no BER in hex'],
    ['CN=#0c01610', 'has a value after # that is no BER in hex'],
    ['CN=#zz', 'has a value after # that is no BER in hex'],
    ['CN=#0c0261', 'has a value after # that is no BER in hex'],
    ['CN=#0c01610c0161', 'has a value after # that is no BER in hex'],
    ['CN=#6c6564676572', 'has a value after # that is no BER in hex'],
    ['CN=#0c0161x', 'has a value after # that is no BER in hex'],
    ['CN=a"b', 'has a character at 4 that must be escaped'],
    ['CN="a"b', 'has a character at 6 that must be escaped'],
    ['CN="a', 'has a CN without a value'],
    ['CN=a<b', 'has a character at 4 that must be escaped'],
    ['CN=a\\xb', 'has a character at 4 that must be escaped'],
    ['CN=\\FF', 'has escaped bytes that are no UTF-8'],
  ])('issuer/01 %j is refused at registration: it %s', (name, problem) => {
    const register = () => new MemoryClientStore([{ ...CLIENT, tlsClientAuthSubjectDn: name }]);
    expect(register).toThrow(TypeError);
    expect(register).toThrow(
      `"tlsClientAuthSubjectDn" must be a name as RFC 4514 writes it, and this one ${problem}`,
    );
    expect(is(certificateNamed(part(attribute(TYPES.CN, UTF8, 'ledger'))), name)).toBe(false);
  });

  it('A-18 takes every text that there is, escaped or quoted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        const certificate = certificateNamed(part(attribute(TYPES.CN, UTF8, text)));
        const bytes = [...Buffer.from(text)]
          .map((byte) => `\\${byte.toString(16).padStart(2, '0')}`)
          .join('');
        const quoted = text.replace(/["\\]/g, '\\$&').replace(
          /\p{Cc}/gu,
          (one) =>
            `\\${Buffer.from(one)
              .toString('hex')
              .replace(/(?<=^..)(?=.)/, '\\')}`,
        );
        return (
          is(certificate, `CN=${bytes}`) &&
          is(certificate, `CN="${quoted}"`) &&
          !is(certificate, `CN=${bytes}a`)
        );
      }),
    );
  });
});

describe('a certificate that is none', () => {
  const good = derCertificate(der(0x30, part(attribute(TYPES.CN, UTF8, 'a'))));
  const named = (subject: Buffer, version?: Buffer): string | undefined =>
    subjectName(derCertificate(subject, version && { version }));

  it('A-18 has a subject in every version', () => {
    expect(subjectName(good)).toBe(readName('CN=a').name);
    expect(named(der(0x30, part(attribute(TYPES.CN, UTF8, 'a'))), Buffer.alloc(0))).toBe(
      readName('CN=a').name,
    );
  });

  it.each<[string, Buffer]>([
    ['no name at all', der(0x30)],
    ['no sequence', der(0x31, part(attribute(TYPES.CN, UTF8, 'a')))],
    ['a part that is no set', der(0x30, der(0x30, attribute(TYPES.CN, UTF8, 'a')))],
    ['an attribute that is no sequence', der(0x30, der(0x31, der(0x31, der(0x06, 'a'), der(UTF8, 'a'))))],
    [
      'a type that is no OID',
      der(0x30, part(der(0x30, der(0x04, Buffer.from(TYPES.CN, 'hex')), der(UTF8, 'a')))),
    ],
    ['an attribute without a value', der(0x30, part(der(0x30, der(0x06, Buffer.from(TYPES.CN, 'hex')))))],
    [
      'two values',
      der(0x30, part(der(0x30, der(0x06, Buffer.from(TYPES.CN, 'hex')), der(UTF8, 'a'), der(UTF8, 'a')))),
    ],
    ['a good part and a bad one', der(0x30, part(attribute(TYPES.CN, UTF8, 'a')), der(0x31, der(0x05)))],
    ['an indefinite length', Buffer.from('3080310c300a06035504030c0361626300000000', 'hex')],
    [
      'a length that is longer than it needs be',
      Buffer.from('30810f310d300b06035504030c04616263640a', 'hex').subarray(0, 18),
    ],
    ['a long tag', der(0x30, der(0x31, Buffer.from([0x3f, 0x81, 0x00, 0x00])))],
  ])('A-18 %s is nobody', (_what, subject) => {
    expect(named(subject)).toBeUndefined();
  });

  it('A-18 never throws, whichever octet is another', () => {
    const name = readName('CN=a').name;
    let same = 0;
    for (let at = 0; at < good.length; at += 1) {
      for (const octet of [0x00, 0x30, 0x7f, 0x80, 0x84, 0xff]) {
        const odd = Buffer.from(good);
        odd[at] = octet;
        if (subjectName(odd) === name) same += 1;
      }
      expect(subjectName(good.subarray(0, at))).toBeUndefined();
    }
    expect(same).toBeGreaterThan(0);
  });
});
