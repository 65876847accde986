"""All that draws: pictures of arrays, live views, sliders."""
