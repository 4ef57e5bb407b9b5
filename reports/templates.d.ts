declare module "*.hbs" {
  /** A template, precompiled by build.mjs. */
  const specification: TemplateSpecification;
  export default specification;
}
