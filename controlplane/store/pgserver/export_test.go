package pgserver

// Abandon lets go of the directory's lock as the kernel does when the program that started s is killed.
func Abandon(s *Server) { _ = s.lock.Close() }
