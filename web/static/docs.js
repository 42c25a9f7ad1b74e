// Shows the OpenAPI document in Swagger UI, whose bundle the page has loaded before.

const element = document.getElementById("api-docs");
const swagger = /** @type {any} */ (window).SwaggerUIBundle;

if (element && swagger) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  follow();
  dark.addEventListener("change", follow);

  swagger({
    domNode: element,
    url: element.dataset.url,
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    // Swagger's own server would be asked to validate the document otherwise.
    validatorUrl: null,
  });
}
