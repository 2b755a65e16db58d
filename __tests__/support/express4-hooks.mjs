// Gives Express 4 to everything that asks for Express: for module.register().
export function resolve(specifier, context, next) {
  return next(specifier === 'express' ? 'express4' : specifier, context);
}
