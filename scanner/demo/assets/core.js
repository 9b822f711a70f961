// Stands in for the tag's small loader: fetches the library that does the talking.
(function () {
  var library = document.createElement("script");
  library.async = true;
  library.src = "https://s.pinimg.com/ct/lib/main.7c1e04b2.js";
  document.head.appendChild(library);
})();
