export function ledToCopies(code: string, file: string, vendored: readonly string[]): string;
export function packagesOf(code: string): string[];
